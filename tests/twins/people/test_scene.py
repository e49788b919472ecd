import pytest
import torch
from mtattr.errors import InputError
from mtattr.twins.drawing.chance import joined_digest
from mtattr.twins.people.annotation import LABEL_NOISE
from mtattr.twins.people.attributes import DOMAINS, DUKE_TASKS, MARKET_TASKS
from mtattr.twins.people.identities import in_gallery_only
from mtattr.twins.people.scene import sample_scenes, sample_with_queries

NAMES = tuple(DOMAINS)

#: Digests of scenes and of labels: 300 of the test split, seed 0.
PINNED = {
    "market1501": (
        "82a288c76bc0044b4c788b80b126ec765f29ea75e494e96c8ee1af67d4025e67",
        "dd14ad2e5af52876a6291a7166d1b3588e0e1ab351fb593221a323a0e0f0446d",
    ),
    "duke": (
        "7e2ae69365612e141b6717981aa792819b61cc777fad87bcc852635c5f1315a8",
        "efb920b9811509972d4c159852d703c81a45493a425b1eb708494bc149b83c6d",
    ),
}


def per_identity(scenes, table):
    """One row of a table (N, T) an identity, after checking that all its images agree."""
    first = {}
    for number, row in zip(scenes.identities.tolist(), table.nan_to_num(-1).tolist(), strict=True):
        assert first.setdefault(number, row) == row
    return torch.tensor(list(first.values()))


@pytest.fixture(scope="module", params=NAMES)
def scenes(request):
    return sample_scenes(request.param, "train", 12_000)


def test_schemas_are_the_official_ones():
    assert MARKET_TASKS.names == (
        "gender", "hair", "age", "up", "down", "clothes", "hat", "backpack", "bag", "handbag", "up_colour", "down_colour",
    )  # fmt: skip
    assert DUKE_TASKS.names == ("gender", "top", "boots", "shoes", "hat", "backpack", "bag", "handbag", "up_colour", "down_colour")
    assert (MARKET_TASKS.num_units, DUKE_TASKS.num_units) == (30, 23)
    identities = {"market1501": (751, 750), "duke": (702, 1110)}
    for name, domain in DOMAINS.items():
        for attribute in domain.attributes:
            for half, role in enumerate(("train", "test")):
                counts = attribute.counts(role)
                assert len(counts) == (len(attribute.values) or 2)
                # Duke's file flags two lower colours for 22 test identities and three for one.
                flags = 47 if (name, attribute.name, role) == ("duke", "down_colour", "test") else 0
                assert sum(counts) + attribute.unlabelled[half] - flags == identities[name][half]


def test_labels_and_truth_belong_to_the_identity(scenes):
    assert len(per_identity(scenes, scenes.labels)) == len(scenes.identities.unique())
    per_identity(scenes, scenes.present.float())


def test_rates_are_the_published_ones(scenes):
    labels = per_identity(scenes, scenes.labels)
    n = len(labels)
    for k, attribute in enumerate(scenes.spec.attributes):
        known = labels[:, k][labels[:, k] >= 0]
        counts = torch.tensor(attribute.train, dtype=torch.float64)
        expected = counts / counts.sum()
        found = torch.bincount(known.long(), minlength=len(counts)) / len(known)
        noise = LABEL_NOISE["age" if attribute.name == "age" else "colour"] if attribute.values else 0
        assert (found - expected).abs().max() < noise + 3.5 * (0.25 / n) ** 0.5
        unlabelled = attribute.unlabelled[0] / (sum(attribute.train) + (attribute.unlabelled[0] if attribute.is_colour else 0))
        assert abs((n - len(known)) / n - unlabelled) < 3.5 * (0.1 / n) ** 0.5


def test_gender_goes_with_what_it_goes_with():
    scenes = sample_scenes("market1501", "train", 12_000)
    women = scenes.present[:, 0] == 1
    of = lambda name: scenes.present[:, scenes.spec.index[name]].double()  # noqa: E731
    assert of("hair")[women].mean() > 0.6 > 0.1 > of("hair")[~women].mean()
    assert of("clothes")[~women].mean() > 0.98 > 0.8 > of("clothes")[women].mean()


def test_label_noise_is_what_is_documented(scenes):
    labels, truth = per_identity(scenes, scenes.labels), per_identity(scenes, scenes.present.float())
    wrong = (labels >= 0) & (labels != truth)
    for k, attribute in enumerate(scenes.spec.attributes):
        if attribute.values:
            documented = LABEL_NOISE["age" if attribute.name == "age" else "colour"]
            assert abs(float(wrong[:, k].float().mean()) - documented) < 4 * (documented / len(labels)) ** 0.5
    binary = [k for k, a in enumerate(scenes.spec.attributes) if not a.values]
    rarer = (truth[:, binary] == 1) == (truth[:, binary].mean(0) < 0.5)
    missed = float((wrong[:, binary] & rarer).sum() / rarer.sum())
    assert abs(missed - LABEL_NOISE["binary"]) < 4 * (LABEL_NOISE["binary"] / int(rarer.sum())) ** 0.5


def test_every_identity_walks_past_two_cameras_and_keeps_its_clothes(scenes):
    cameras = {}
    for number, camera in scenes.numbers[:, :2].tolist():
        cameras.setdefault(number, set()).add(camera)
    complete = list(cameras.values())[:-1]
    assert min(map(len, complete)) >= 2
    assert set.union(*complete) == set(range(1, scenes.spec.cameras + 1))
    shade = per_identity(scenes, scenes.parameters[:, :1])
    assert len(shade.unique()) > 0.99 * len(shade)


@pytest.mark.parametrize("domain", NAMES)
def test_streams_are_repeatable_prefixes_and_disjoint(domain):
    long, short = sample_scenes(domain, "train", 300), sample_scenes(domain, "train", 100)
    for field in ("present", "parameters", "labels", "numbers"):
        assert torch.equal(getattr(long, field)[:100].nan_to_num(-1), getattr(short, field).nan_to_num(-1))
    others = [sample_scenes(domain, split, 100, seed).parameters[:, -1] for split, seed in (("val", 0), ("test", 0), ("train", 1))]
    every = torch.cat([short.parameters[:, -1], *others])
    assert len(torch.unique(every)) > 0.99 * len(every)


@pytest.mark.parametrize("domain", NAMES)
def test_scenes_and_labels_are_the_same_on_every_machine(domain):
    scenes = sample_scenes(domain, "test", 300)
    assert (scenes.digest, joined_digest(scenes.labels.nan_to_num(-1))) == PINNED[domain]


def test_toggling_changes_one_attribute_and_comes_round(scenes):
    some = scenes.rows(slice(0, 200))
    for k, attribute in enumerate(some.spec.attributes):
        other = some.toggled(k)
        changed = (other.present != some.present).any(0)
        assert changed.nonzero()[:, 0].tolist() == [k]
        assert torch.equal(other.parameters, some.parameters)
        values = len(attribute.values) or 2
        listed = some.present[:, k] < values
        assert torch.equal(other.present[listed, k], (some.present[listed, k] + 1) % values)
    assert torch.equal(some.toggled("gender").present, some.toggled(0).present)


@pytest.mark.parametrize("domain", NAMES)
def test_one_query_per_identity_and_camera(domain):
    scenes, queries = sample_with_queries(domain, "test", 400)
    seen = {tuple(row) for row in scenes.numbers[:, :2].tolist()}
    asked = [tuple(row) for row in queries.numbers[:, :2].tolist()]
    assert len(set(asked)) == len(asked)
    assert seen <= set(asked)
    assert not scenes.numbers[:, 5].any()
    assert queries.numbers[:, 5].all()
    assert any(in_gallery_only(domain, number) for number, _ in asked) == (domain == "duke")


def test_asking_for_more_than_there_is_names_the_number():
    with pytest.raises(InputError, match="images at most"):
        sample_scenes("duke", "val", 100_000)
