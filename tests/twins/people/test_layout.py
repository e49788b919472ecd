import re
import warnings
from importlib import import_module

import pytest
import torch
from mtattr.errors import InputError
from mtattr.twins.people import load_duke_twin, load_market1501_twin, write_duke_twin, write_market1501_twin
from mtattr.twins.people.attributes import DOMAINS
from mtattr.twins.people.identities import in_gallery_only
from mtattr.twins.people.layout import FIELDS
from scipy.io import loadmat

SIZE, LIMIT = (32, 16), {"train": 120, "val": 40, "test": 160}
WRITE = {"market1501": write_market1501_twin, "duke": write_duke_twin}
LOAD = {"market1501": load_market1501_twin, "duke": load_duke_twin}
GRAMMAR = {"market1501": r"(-1|\d{4})_c([1-6])s(\d)_(\d{6})_(\d{2})\.jpg", "duke": r"(\d{4})_c([1-8])_f(\d{7})\.jpg"}
VARIABLE = {"market1501": "market_attribute", "duke": "duke_attribute"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return {name: write(tmp_path_factory.mktemp(name) / "twin", image_size=SIZE, limit=LIMIT) for name, write in WRITE.items()}


@pytest.fixture(autouse=True)
def own_home(fresh_home):
    return fresh_home


def halves(root, domain):
    """The official file's halves as {role: {field: flat array}}, in the order of the file."""
    struct = loadmat(root / "attribute" / f"{VARIABLE[domain]}.mat")[VARIABLE[domain]][0, 0]
    return {role: {field: struct[role][0, 0][field] for field in struct[role].dtype.names} for role in struct.dtype.names}


@pytest.mark.parametrize("domain", WRITE)
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_real_loader_reads_the_twin_back_equal(written, domain, split):
    real = import_module(f"mtattr.data.{domain}")
    options = {"accept_withdrawn": True} if domain == "duke" else {}
    twin = LOAD[domain](split, image_size=SIZE, limit=LIMIT[split])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        back = real.load(split, root=written[domain], image_size=SIZE, **options)
    assert back.keys == twin.keys
    assert torch.equal(torch.as_tensor(back.images), torch.as_tensor(twin.images))
    assert torch.equal(back.labels.nan_to_num(-1), twin.labels.nan_to_num(-1))
    assert torch.equal(back.identities, twin.identities)
    assert back.tasks == twin.tasks
    assert back.generated


@pytest.mark.parametrize("domain", WRITE)
def test_file_names_follow_the_grammar_and_the_roles(written, domain):
    root = written[domain]
    found = {folder: sorted(p.name for p in (root / folder).iterdir()) for folder in ("bounding_box_train", "bounding_box_test", "query")}
    for names in found.values():
        assert all(re.fullmatch(GRAMMAR[domain], name) for name in names)
    everything = [name for names in found.values() for name in names]
    assert len(set(everything)) == len(everything)
    assert len(found["bounding_box_train"]) == LIMIT["train"] + LIMIT["val"]
    labelled = [name for name in found["bounding_box_test"] if not name.startswith(("-1", "0000"))]
    assert len(labelled) == LIMIT["test"]
    who = lambda names: {int(name.split("_")[0]) for name in names}  # noqa: E731
    assert who(found["bounding_box_train"]).isdisjoint(who(labelled))
    assert who(found["query"]) == {number for number in who(labelled) if not in_gallery_only(domain, number)}
    dropped = [sum(name.startswith(start) for name in found["bounding_box_test"]) for start in ("0000", "-1")]
    assert dropped == ([34, 47] if domain == "market1501" else [0, 0])
    assert all(name.endswith("_00.jpg") for name in found["query"]) == (domain == "market1501")
    assert (root / "GENERATED.txt").is_file()


@pytest.mark.parametrize("domain", WRITE)
def test_the_attribute_file_has_the_official_nesting(written, domain):
    found = halves(written[domain], domain)
    assert list(found) == (["test", "train"] if domain == "market1501" else ["train", "test"])
    twin = {
        "train": [LOAD[domain](s, image_size=SIZE, limit=LIMIT[s]) for s in ("train", "val")],
        "test": [LOAD[domain]("test", image_size=SIZE, limit=LIMIT["test"])],
    }
    for role, fields in found.items():
        assert list(fields) == [*FIELDS[domain][role].split(), "image_index"]
        numbers = [str(cell[0]) for cell in fields["image_index"][0]]
        assert numbers == sorted({key[:4] for data in twin[role] for key in data.keys})
        for field, values in fields.items():
            assert values.shape == (1, len(numbers))
            if field != "image_index":
                assert values.dtype.name == "uint8"
    assert len(FIELDS[domain]["train"].split()) == (27 if domain == "market1501" else 23)
    assert sorted(FIELDS[domain]["train"].split()) == sorted(FIELDS[domain]["test"].split())
    assert FIELDS[domain]["train"] != FIELDS[domain]["test"]


@pytest.mark.parametrize("domain", WRITE)
def test_the_attribute_files_values_mean_the_twins_labels(written, domain):
    """Decoded here once more, straight from the official description."""
    data = LOAD[domain]("test", image_size=SIZE, limit=LIMIT["test"])
    fields = halves(written[domain], domain)["test"]
    row = {str(cell[0]): k for k, cell in enumerate(fields["image_index"][0])}
    for key, labels in zip(data.keys, data.labels.tolist(), strict=True):
        k = row[key[:4]]
        for attribute, label in zip(DOMAINS[domain].attributes, labels, strict=True):
            if attribute.is_colour:
                flags = [int(fields[f"{attribute.field}{value}"][0, k]) for value in attribute.values]
                assert set(flags) <= {1, 2}
                assert (flags.count(2) == 1 and flags.index(2) == label) or (flags.count(2) != 1 and label != label)
            else:
                assert int(fields[attribute.field][0, k]) == (0 if label != label else label + 1)


def test_dukes_file_flags_two_colours_for_some_and_none_for_others(tmp_path):
    root = write_duke_twin(tmp_path / "twin", image_size=8, limit={"train": 1, "val": 1, "test": 2400})
    fields = halves(root, "duke")["test"]
    flagged = sum((fields[f"down{value}"][0] == 2).astype(int) for value in DOMAINS["duke"].attributes[-1].values)
    assert {0, 1, 2} == set(flagged.tolist())


def test_bad_input_writes_nothing(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="empty folder"):
        write_duke_twin(tmp_path, limit=2)
    with pytest.raises(InputError, match="image_format"):
        write_market1501_twin(tmp_path / "new", limit=2, image_format="gif")
    with pytest.raises(InputError, match="limit"):
        write_market1501_twin(tmp_path / "new", limit=0)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_jpeg_is_close_but_not_equal(tmp_path):
    from PIL import Image

    root = write_market1501_twin(tmp_path / "twin", limit=4, image_format="jpg")
    twin = load_market1501_twin("train", limit=4)
    for key, image in zip(twin.keys, twin.images, strict=True):
        with Image.open(root / "bounding_box_train" / key) as back:
            assert (back.format, back.size) == ("JPEG", (64, 128))
            levels = torch.frombuffer(bytearray(back.tobytes()), dtype=torch.uint8).view(128, 64, 3).permute(2, 0, 1).float()
        assert 0 < (levels - image.float()).abs().mean() < 6


@pytest.mark.parametrize("write", [write_market1501_twin, write_duke_twin])
def test_one_image_a_split_can_be_written(tmp_path, write):
    root = write(tmp_path / "one", image_size=(32, 16), limit=1)
    assert len(list((root / "bounding_box_train").iterdir())) == 2


def test_a_drawn_duke_needs_no_decision_and_gives_no_notice(tmp_path, fresh_home):
    root = write_duke_twin(tmp_path / "duke", image_size=(32, 16), limit=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert import_module("mtattr.data.duke").load("test", root=root, image_size=16).generated
    (root / "GENERATED.txt").unlink()
    with pytest.raises(InputError, match="withdrawn"):
        import_module("mtattr.data.duke").load("test", root=root, image_size=16)
