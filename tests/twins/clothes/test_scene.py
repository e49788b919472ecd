import pytest
import torch
from mtattr.errors import InputError
from mtattr.twins.clothes.attributes import ATTRIBUTES, CATEGORIES, CHOICES, FOUR_CLASSES, INDEX, NAMES, TASKS, tasks_of
from mtattr.twins.clothes.scene import LABEL_NOISE, sample_scenes


def test_attribute_table():
    assert len(ATTRIBUTES) >= 72
    assert {a.type for a in ATTRIBUTES} == {"texture", "fabric", "shape", "part", "style"}
    assert {a.link for a in ATTRIBUTES} == {"strong", "weak", "none"}
    assert any(" " in name for name in NAMES)
    assert any("-" in name for name in NAMES)
    assert all(set(a.rates) == set(CATEGORIES) and 0 <= rate < 1 for a in ATTRIBUTES for rate in a.rates.values())
    for members in CHOICES.values():
        assert all(sum(ATTRIBUTES[k].rates[name] for k in members) <= 1 for name in CATEGORIES)
    assert all(sum(a.rates[name] > 0 for a in ATTRIBUTES) >= 30 for name in CATEGORIES)
    assert TASKS[0].kind == "categorical"
    assert TASKS[0].values == tuple(CATEGORIES)
    assert tasks_of(FOUR_CLASSES)[0].values == ("Blouse", "Tank", "Shorts", "Skirt")
    assert all(task.group and task.region for task in TASKS)


def mutual_information(present, categories):
    total = 0.0
    for value in (True, False):
        for c in categories.unique():
            joint = ((present == value) & (categories == c)).double().mean()
            if joint > 0:
                total += float(joint * torch.log2(joint / ((present == value).double().mean() * (categories == c).double().mean())))
    return total


def test_links_order_the_mutual_information_with_the_category():
    scenes = sample_scenes("train", 20_000, classes=FOUR_CLASSES)
    found = {link: [] for link in ("strong", "weak", "none")}
    for k, attribute in enumerate(ATTRIBUTES):
        found[attribute.link].append(mutual_information(scenes.present[:, k], scenes.categories))
    mean = {link: sum(v) / len(v) for link, v in found.items()}
    assert mean["strong"] > 3 * mean["weak"] > 6 * mean["none"]
    assert max(found["none"]) < 0.01


@pytest.mark.parametrize("classes", [FOUR_CLASSES, tuple(CATEGORIES)], ids=["four", "all"])
def test_rates_and_shares_are_those_of_the_table(classes):
    scenes = sample_scenes("train", 20_000, classes=classes)
    shares = torch.bincount(scenes.categories, minlength=len(classes)) / len(scenes)
    counts = torch.tensor([CATEGORIES[name].images for name in classes])
    assert torch.allclose(shares, counts / counts.sum(), atol=0.012)
    for c, name in enumerate(classes):
        rows = scenes.present[scenes.categories == c].double()
        expected = torch.tensor([a.rates[name] for a in ATTRIBUTES], dtype=torch.float64)
        spread = 5 * torch.sqrt(expected * (1 - expected) / len(rows))
        assert (rows.mean(0) - expected).abs().le(spread + 1e-12).all()
    for members in CHOICES.values():
        assert scenes.present[:, list(members)].sum(1).max() <= 1


@pytest.mark.parametrize("classes", [FOUR_CLASSES, tuple(CATEGORIES)], ids=["four", "all"])
def test_label_noise_is_what_is_documented(classes):
    scenes = sample_scenes("train", 20_000, classes=classes)
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


def test_a_wrong_category_is_mostly_another_of_the_same_clothes_type():
    scenes = sample_scenes("train", 30_000)
    labels = scenes.labels[:, 0].long()
    wrong = labels != scenes.categories
    kinds = torch.tensor([category.kind for category in CATEGORIES.values()])
    alike = (kinds[labels] == kinds[scenes.categories])[wrong].float().mean()
    assert 0.74 < float(alike) < 0.86
    tees = labels[wrong & (scenes.categories == tuple(CATEGORIES).index("Tee"))]
    assert len(tees.unique()) >= 7
    plain = sample_scenes("train", 30_000, classes=FOUR_CLASSES)
    swapped = plain.labels[:, 0].long()[plain.labels[:, 0] != plain.categories]
    truth = plain.categories[plain.labels[:, 0] != plain.categories]
    assert set(zip(truth.tolist(), swapped.tolist(), strict=True)) == {(c, d) for c in range(4) for d in (c ^ 1, (c + 2) % 4)}


def test_published_counts_give_the_shares():
    """Public image counts of the benchmark's categories, times 209222/289222; Maeda et al.'s training column for theirs."""
    public = {
        "Blazer": 7495, "Cardigan": 13311, "Hoodie": 4048, "Jacket": 10467, "Sweater": 13123, "Tee": 36887, "Jeans": 7076,
        "Leggings": 5013, "Joggers": 4416, "Dress": 72083, "Coat": 2120, "Jumpsuit": 6153, "Romper": 7408,
    }  # fmt: skip
    plain = {"Blouse": 17752, "Tank": 11204, "Shorts": 14195, "Skirt": 10795}
    assert {name: category.images for name, category in CATEGORIES.items()} == plain | {
        name: round(count * 209222 / 289222) for name, count in public.items()
    }


def test_bad_classes_are_named():
    for classes, message in (("Blouse,Gown", "'Gown'"), (["Blouse"], "two"), (("Tee", "Tee"), "two"), (3, "names")):
        with pytest.raises(InputError, match=message):
            sample_scenes("train", 4, classes=classes)


def test_classes_may_be_one_string_and_choose_what_is_drawn():
    scenes = sample_scenes("val", 300, classes="Dress, Jeans")
    assert scenes.classes == ("Dress", "Jeans")
    assert torch.equal(scenes.present, sample_scenes("val", 300, classes=["Dress", "Jeans"]).present)
    maxi, drawn = INDEX["maxi"], scenes.present[:, INDEX["maxi"]]
    assert drawn.any()
    assert not drawn[scenes.categories == 1].any()
    assert torch.equal(scenes.can_occur[:, maxi], scenes.categories == 0)


def test_streams_are_repeatable_prefixes_and_disjoint():
    long, short = sample_scenes("train", 700), sample_scenes("train", 300)
    for field in ("categories", "present", "parameters", "labels", "more"):
        assert torch.equal(getattr(long, field)[:300].nan_to_num(-1), getattr(short, field).nan_to_num(-1))
    others = [sample_scenes(split, 300, seed).parameters[:, 0] for split, seed in (("val", 0), ("test", 0), ("train", 1))]
    every = torch.cat([short.parameters[:, 0], *others])
    assert len(torch.unique(every)) > 0.999 * len(every)


def test_scenes_are_the_same_on_every_machine():
    assert sample_scenes("test", 300, seed=5).digest == "a38a9d9fe7a707a8cf0157972de24799c4021acddef50396b482c9a582061cd4"


def test_scenes_of_the_four_classes_are_those_of_the_recorded_runs():
    scenes = sample_scenes("test", 300, seed=5, classes=FOUR_CLASSES)
    assert scenes.digest == "b7c1a5d7341f38a7fc57b1424c58cee3a1d1141364aa6f0d8019ac87e74fd460"


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
