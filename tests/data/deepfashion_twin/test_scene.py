import torch

from mtattr.data.deepfashion_twin.attributes import ATTRIBUTES, CATEGORY_COUNTS, CHOICES, INDEX, NAMES, TASKS
from mtattr.data.deepfashion_twin.scene import LABEL_NOISE, sample_scenes


def test_attribute_table():
    assert len(ATTRIBUTES) >= 72
    assert {a.type for a in ATTRIBUTES} == {"texture", "fabric", "shape", "part", "style"}
    assert {a.link for a in ATTRIBUTES} == {"strong", "weak", "none"}
    assert any(" " in name for name in NAMES)
    assert any("-" in name for name in NAMES)
    assert all(0 <= rate < 1 for a in ATTRIBUTES for rate in a.rates)
    for members in CHOICES.values():
        assert all(sum(ATTRIBUTES[k].rates[c] for k in members) <= 1 for c in range(4))
    assert TASKS[0].kind == "categorical"
    assert TASKS[0].values == ("Blouse", "Tank", "Shorts", "Skirt")
    assert all(task.group and task.region for task in TASKS)


def mutual_information(present, categories):
    total = 0.0
    for value in (True, False):
        for c in range(4):
            joint = ((present == value) & (categories == c)).double().mean()
            if joint > 0:
                total += float(joint * torch.log2(joint / ((present == value).double().mean() * (categories == c).double().mean())))
    return total


def test_links_order_the_mutual_information_with_the_category():
    scenes = sample_scenes("train", 20_000)
    found = {link: [] for link in ("strong", "weak", "none")}
    for k, attribute in enumerate(ATTRIBUTES):
        found[attribute.link].append(mutual_information(scenes.present[:, k], scenes.categories))
    mean = {link: sum(v) / len(v) for link, v in found.items()}
    assert mean["strong"] > 3 * mean["weak"] > 6 * mean["none"]
    assert max(found["none"]) < 0.01


def test_rates_and_shares_are_those_of_the_table():
    scenes = sample_scenes("train", 20_000)
    shares = torch.bincount(scenes.categories, minlength=4) / len(scenes)
    assert torch.allclose(shares, torch.tensor(CATEGORY_COUNTS) / sum(CATEGORY_COUNTS), atol=0.012)
    for c in range(4):
        rows = scenes.present[scenes.categories == c].double()
        expected = torch.tensor([a.rates[c] for a in ATTRIBUTES], dtype=torch.float64)
        spread = 5 * torch.sqrt(expected * (1 - expected) / len(rows))
        assert (rows.mean(0) - expected).abs().le(spread + 1e-12).all()
    for members in CHOICES.values():
        assert scenes.present[:, list(members)].sum(1).max() <= 1


def test_label_noise_is_what_is_documented():
    scenes = sample_scenes("train", 20_000)
    wrong = scenes.labels[:, 0].long() != scenes.categories
    assert abs(float(wrong.float().mean()) - LABEL_NOISE["category_wrong"]) < 0.006
    labels = scenes.labels[:, 1:]
    known = ~labels.isnan()
    assert abs(float((~known).float().mean()) - LABEL_NOISE["unknown"]) < 0.002
    marked = labels == 1
    missed = (scenes.present & known & ~marked).sum() / (scenes.present & known).sum()
    assert abs(float(missed) - LABEL_NOISE["positive_missed"]) < 0.005
    false = (marked & ~scenes.present).sum() / marked.sum()
    assert 0.03 < float(false) < 0.08
    assert not (marked & ~scenes.can_occur).any()


def test_streams_are_repeatable_prefixes_and_disjoint():
    long, short = sample_scenes("train", 700), sample_scenes("train", 300)
    for field in ("categories", "present", "parameters", "labels"):
        assert torch.equal(getattr(long, field)[:300].nan_to_num(-1), getattr(short, field).nan_to_num(-1))
    others = [sample_scenes(split, 300, seed).parameters[:, 0] for split, seed in (("val", 0), ("test", 0), ("train", 1))]
    every = torch.cat([short.parameters[:, 0], *others])
    assert len(torch.unique(every)) > 0.999 * len(every)


def test_scenes_are_the_same_on_every_machine():
    assert sample_scenes("test", 300, seed=5).digest == "b7c1a5d7341f38a7fc57b1424c58cee3a1d1141364aa6f0d8019ac87e74fd460"


def test_toggling_changes_one_attribute_and_its_choice():
    scenes = sample_scenes("val", 200)
    twice = scenes.toggled("bow").toggled("bow")
    assert torch.equal(twice.present, scenes.present)
    for name in ("striped", "bow", "long sleeve"):
        k = INDEX[name]
        other = scenes.toggled(name)
        changed = other.present[:, k] != scenes.present[:, k]
        assert torch.equal(changed, scenes.can_occur[:, k])
        assert torch.equal(other.parameters, scenes.parameters)
    members = list(CHOICES["print"])
    assert scenes.toggled("striped").present[:, members].sum(1).max() == 1
