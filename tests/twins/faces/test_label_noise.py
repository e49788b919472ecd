import pytest
import torch
from mtattr.twins.faces.attributes import INDEX, NAMES, TRAIN_RATES
from mtattr.twins.faces.factors import FACTORS
from mtattr.twins.faces.label_noise import JUDGED_ANEW, LABEL_NOISE, SLIPS, annotate, label_ceiling
from mtattr.twins.faces.scene import sample_scenes


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes("train", 40_000)


def test_wrong_labels_are_as_many_as_documented(scenes):
    wrong = (scenes.labels.bool() != scenes.present).double().mean(0)
    documented = torch.tensor(list(LABEL_NOISE.values()))
    spread = 5 * (documented * (1 - documented) / len(scenes)).sqrt() + 0.0005
    assert (wrong - documented).abs().le(spread).all(), dict(zip(NAMES, (wrong - documented).tolist(), strict=True))
    assert label_ceiling() == {name: 1 - share for name, share in LABEL_NOISE.items()}
    assert 0.94 < sum(label_ceiling().values()) / 40 < 0.97


def test_matters_of_taste_are_labelled_worse_than_matters_of_fact():
    facts = ("Bald", "Eyeglasses", "Male", "Wearing_Hat")
    tastes = ("Arched_Eyebrows", "Big_Lips", "Big_Nose", "High_Cheekbones", "Narrow_Eyes", "Oval_Face", "Pointy_Nose", "Attractive")
    assert min(LABEL_NOISE[name] for name in tastes) > 5 * max(LABEL_NOISE[name] for name in facts)


def test_labels_keep_the_rates_of_the_truth(scenes):
    assert (scenes.labels.double().mean(0) - scenes.present.double().mean(0)).abs().max() < 0.005


def test_no_reader_does_better_than_to_report_what_is_shown(scenes):
    # Even one who is told how the labels came about: more than half of the judgements are those of the picture.
    assert all(share < 0.5 for share in JUDGED_ANEW.values())
    agree = scenes.labels.bool() == scenes.present
    for value in (True, False):
        shown = scenes.present == value
        assert ((agree & shown).sum(0) / shown.sum(0)).min() > 0.5


def test_without_a_second_judgement_or_a_slip_labels_are_the_truth():
    generator = torch.Generator().manual_seed(1)
    n = 500
    factors, own, again = (torch.randn(n, k, generator=generator, dtype=torch.float64) for k in (len(FACTORS), 40, 40))
    sure = torch.full((n, 120), 0.9999, dtype=torch.float64)
    truth = annotate(factors, own, own, sure)
    assert torch.equal(annotate(factors, own, again, sure), truth)
    anew = sure.clone()
    anew[:, INDEX["Oval_Face"]] = 0.0
    changed = (annotate(factors, own, again, anew) != truth).any(0).nonzero()[:, 0].tolist()
    assert changed == [INDEX["Oval_Face"]]


def test_slips_are_guesses_at_the_published_rate():
    n = 20_000
    factors, own = torch.zeros(n, len(FACTORS), dtype=torch.float64), torch.zeros(n, 40, dtype=torch.float64)
    draws = torch.rand(n, 120, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    draws[:, 40:80] *= SLIPS
    rates = annotate(factors, own, own, draws).double().mean(0)
    assert (rates - torch.tensor(TRAIN_RATES)).abs().max() < 0.015
