"""DukeMTMC-reID: consent before anything else, sparse identities, zeros and several colours unknown."""

import warnings
from pathlib import Path

import mtattr.data.duke
import pytest
from mtattr.data import load_dataset
from mtattr.data.pedestrian_attributes import DUKE
from mtattr.errors import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*its MD5 is not the published"),
    pytest.mark.filterwarnings("ignore:DukeMTMC was withdrawn"),
]


def load(copy, split="train", **options):
    return load_dataset("duke", split, **{"root": copy.root, "image_size": (32, 16), "accept_withdrawn": True} | options)


def test_without_consent_nothing_is_read(pedestrian_copy, fresh_home):
    for root in ["copy", None, "no/such/folder"]:
        for options in [{}, {"accept_withdrawn": False}, {"accept_withdrawn": None}, {"accept_withdrawn": "no"}]:
            copy = pedestrian_copy("duke")
            with pytest.raises(InputError) as caught:
                load_dataset("duke", "train", root=copy.root if root == "copy" else root, **options)
            message = str(caught.value)
            for fact in ("accept_withdrawn=True", "25 April 2019", "protocol", "apologised", "June 2019"):
                assert fact in message
            assert "\n" not in message
            assert not list(fresh_home.rglob("*.uint8"))


def test_consent_brings_one_warning(pedestrian_copy):
    copy = pedestrian_copy("duke")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(copy)
    assert len([warning for warning in caught if "25 April 2019" in str(warning.message)]) == 1


def test_nothing_tells_where_a_copy_could_be_had(pedestrian_copy):
    source = Path(mtattr.data.duke.__file__).read_text()
    messages = [source]
    for options in ({"root": None}, {"root": "no/such/folder"}):
        with pytest.raises(InputError) as caught:
            load_dataset("duke", "train", accept_withdrawn=True, **options)
        messages.append(str(caught.value))
        assert "withdrawn" in messages[-1]
    for message in messages:
        for hint in ("http", "www.", ".edu", ".org/", "github", "mirror", "kaggle", "drive"):
            assert hint not in message.lower()


def test_images_labels_and_identities(pedestrian_copy, check_split):
    for split in ["train", "val", "test"]:
        for image_index in [True, False]:
            for nested, mat in [(False, "beside"), (True, "above"), (True, "attribute")]:
                copy = pedestrian_copy("duke", nested=nested, mat=mat, image_index=image_index)
                data = load(copy, split)
                check_split(data, copy)
                assert data.tasks == DUKE.tasks
                if split == "test":
                    assert list(data.keys) == sorted(copy.files["bounding_box_test"])
                    assert set(data.identities.tolist()) == {2, 4, 5, 7139}
                else:
                    assert set(data.identities.tolist()) == ({3, 21, 28} if split == "val" else {8, 370, 679, 5951})


def test_a_zero_is_unknown(pedestrian_copy, check_split):
    copy = pedestrian_copy("duke")
    copy.values[370]["top"] = copy.values[679]["top"] = copy.values[8]["hat"] = 0
    copy.write_mat()
    data = load(copy)
    check_split(data, copy)
    people = data.identities.tolist()
    assert data.labels[:, 1].isnan().tolist() == [p in (370, 679) for p in people]
    assert data.labels[:, 4].isnan().tolist() == [p == 8 for p in people]
    known = sum(copy.values[p]["top"] == 2 for p in copy.people("train"))
    assert data.facts["identity_rates"]["top"] == known / len(copy.people("train"))


def test_no_colour_and_several_are_unknown(pedestrian_copy, check_split):
    for flagged in [[], ["black", "blue"], ["white", "red", "brown"]]:
        copy = pedestrian_copy("duke")
        colours = DUKE.attributes[9].values
        copy.values[5] |= {f"down{colour}": 2 if colour in flagged else 1 for colour in colours}
        copy.write_mat()
        data = load(copy, "test")
        check_split(data, copy)
        assert data.labels[:, 9].isnan().tolist() == [identity == 5 for identity in data.identities.tolist()]
        for colour in colours:
            bearers = sum(copy.values[p][f"down{colour}"] == 2 for p in copy.people("test"))
            assert data.facts["identity_rates"][f"down_colour = {colour}"] == bearers / 4


def test_published_rates(pedestrian_copy):
    facts = load(pedestrian_copy("duke"), "val").facts
    assert facts["published_rates"]["top"] == 107 / 702
    assert facts["published_rates"]["down_colour = green"] == 1 / 702
    assert set(facts["identity_rates"]) == set(facts["published_rates"])
    assert facts["published"]["train identities"] == 702
