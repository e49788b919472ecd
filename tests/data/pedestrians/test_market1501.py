"""Market-1501: who is in which split, labels from the MATLAB struct by name, unknown colours, junk and distractors."""

import numpy as np
import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.held_out import validation_identities
from mtattr.data.pedestrian_attributes import DUKE, MARKET
from mtattr.data.pedestrians import camera_of
from mtattr.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is not the published")


def load(copy, split="train", **options):
    return load_dataset("market1501", split, **{"root": copy.root, "image_size": (32, 16)} | options)


def test_places_of_folders_and_attributes(pedestrian_copy, check_split):
    for split in ["train", "val", "test"]:
        for nested, mat in [
            (False, "beside"),
            (False, "attribute"),
            (False, "above"),
            (True, "beside"),
            (True, "attribute"),
            (True, "above"),
        ]:
            copy = pedestrian_copy("market1501", nested=nested, mat=mat)
            data = load(copy, split)
            check_split(data, copy)
            assert data.tasks == MARKET.tasks
            assert str(copy.root) not in repr(data.facts)


def test_forms_of_the_attribute_file(pedestrian_copy, check_split):
    for options in [{"image_index": False}, {"dtype": np.float64}, {"compressed": False}]:
        copy = pedestrian_copy("market1501", **options)
        for split in ("train", "val", "test"):
            check_split(load(copy, split), copy)


def test_the_attribute_file_may_be_named(pedestrian_copy, check_split, tmp_path):
    copy = pedestrian_copy("market1501")
    moved = copy.mat.rename(tmp_path / "elsewhere.mat")
    with pytest.raises(InputError, match=r"market_attribute\.mat: file missing"):
        load(copy)
    check_split(load(copy, attributes=moved), copy)
    (tmp_path / "folder").mkdir()
    moved.rename(tmp_path / "folder/market_attribute.mat")
    check_split(load(copy, attributes=str(tmp_path / "folder")), copy)


def test_splits_share_no_person_and_follow_the_rule(pedestrian_copy):
    copy = pedestrian_copy("market1501")
    found = {split: set(load(copy, split).identities.tolist()) for split in ("train", "val", "test")}
    validating = validation_identities(copy.people("train"))
    assert found == {"train": set(copy.people("train")) - validating, "val": validating, "test": set(copy.people("test"))}
    assert validating == {3, 21, 28}


def test_every_image_of_a_person_is_there_once(pedestrian_copy):
    copy = pedestrian_copy("market1501")
    keys = {split: load(copy, split).keys for split in ("train", "val", "test")}
    assert sorted(keys["train"] + keys["val"]) == sorted(copy.files["bounding_box_train"])
    assert sorted(keys["test"]) == sorted(name for name in copy.files["bounding_box_test"] if name[:2] != "-1" and name[:4] != "0000")


def test_a_person_who_leaves_moves_nobody_else(pedestrian_copy):
    copy = pedestrian_copy("market1501")
    before = load(copy, "val").keys
    for name in copy.files["bounding_box_train"]:
        if name.startswith(("0003", "0007")):
            (copy.folder("bounding_box_train") / name).unlink()
    assert load(copy, "val").keys == tuple(key for key in before if not key.startswith("0003"))


def test_a_copy_of_a_few_people_still_has_a_validation_split(pedestrian_copy, check_split):
    copy = pedestrian_copy("market1501")
    validating = [3, 21, 28]
    for name in copy.files["bounding_box_train"]:
        if int(name[:4]) in validating:
            (copy.folder("bounding_box_train") / name).unlink()
    keep = [i for i, p in enumerate(copy.people("train")) if p not in validating]
    copy.write_mat(change=lambda halves: halves["train"].update({f: column[:, keep] for f, column in halves["train"].items()}))
    found = {split: load(copy, split) for split in ("train", "val")}
    for data in found.values():
        check_split(data, copy)
    assert set(found["train"].keys) | set(found["val"].keys) == {
        n for n in copy.files["bounding_box_train"] if int(n[:4]) not in validating
    }
    assert len(set(found["val"].identities.tolist())) == 1
    assert not set(found["val"].identities.tolist()) & set(found["train"].identities.tolist())


def test_no_colour_and_two_colours_are_unknown(pedestrian_copy, check_split):
    for flagged in [[], ["white", "green"]]:
        copy = pedestrian_copy("market1501")
        copy.values[1] |= {f"up{colour}": 2 if colour in flagged else 1 for colour in MARKET.attributes[10].values}
        copy.write_mat()
        data = load(copy, "test")
        check_split(data, copy)
        unknown = data.labels.isnan()
        assert unknown[:, 10].tolist() == [identity == 1 for identity in data.identities.tolist()]
        assert not unknown[:, :10].any()


def test_one_person_in_a_half(pedestrian_copy, check_split):
    copy = pedestrian_copy("market1501")
    for name in copy.files["bounding_box_test"]:
        if not name.startswith("1501"):
            (copy.folder("bounding_box_test") / name).unlink()
    copy.write_mat(change=lambda halves: halves["test"].update({field: column[:, -1:] for field, column in halves["test"].items()}))
    data = load(copy, "test")
    check_split(data, copy)
    assert set(data.identities.tolist()) == {1501}


def test_leftovers_of_file_managers_are_ignored(pedestrian_copy, check_split):
    copy = pedestrian_copy("market1501")
    for name in ("Thumbs.db", ".DS_Store", "._0001_c1s1_001111_01.jpg", "readme.txt"):
        (copy.folder("bounding_box_test") / name).write_bytes(b"\x00\x01")
    check_split(load(copy, "test"), copy)


def test_a_doubled_ending_is_accepted(pedestrian_copy, check_split):
    copy = pedestrian_copy("market1501")
    old = copy.folder("bounding_box_test") / sorted(copy.files["bounding_box_test"])[-1]
    old.rename(old.with_name(old.name + ".jpg"))
    data = load(copy, "test")
    check_split(data, copy)
    assert data.keys[-1] == old.name + ".jpg"


def test_facts(pedestrian_copy):
    copy = pedestrian_copy("market1501", nested=True, mat="attribute")
    facts = load(copy, "test", limit=2).facts
    assert facts["layout"] == "images in Market-1501-v15.09.15, attributes in attribute"
    people = copy.people("test")
    images = sum(2 + p % 2 for p in people)
    train = len(copy.files["bounding_box_train"])
    assert facts["counts"] == {
        "test": images,
        "bounding_box_test": images + 3,
        "test identities": 4,
        "junk": 2,
        "distractors": 1,
        "query": 2,
        "bounding_box_train": train,
    }
    assert set(facts["counts"]) <= set(facts["published"])
    assert facts["published"]["test"] == facts["published"]["bounding_box_test"] - 2798 - 3819
    rates = facts["identity_rates"]
    assert set(rates) == set(facts["published_rates"])
    assert rates["hat"] == sum(copy.values[p]["hat"] == 2 for p in people) / 4
    assert rates["age = old"] == sum(copy.values[p]["age"] == 4 for p in people) / 4
    assert rates["up_colour = blue"] == sum(copy.values[p]["upblue"] == 2 for p in people) / 4
    cameras = [camera_of(name) for name in copy.files["bounding_box_test"] if name[:4].isdigit() and int(name[:4])]
    assert facts["cameras"] == {str(c): cameras.count(c) for c in sorted(set(cameras))}


def test_published_rates_are_shares_of_all_identities():
    train, test = (MARKET.published_rates(half) for half in ("train", "test"))
    assert train["gender"] == 320 / 751
    assert test["age = old"] == 5 / 750
    assert sum(test[f"age = {value}"] for value in MARKET.attributes[2].values) == pytest.approx(1)
    # What is missing from one are the people without a colour.
    assert 1 - sum(rate for name, rate in train.items() if name.startswith("up_colour")) == pytest.approx(78 / 751)
    assert 1 - sum(rate for name, rate in test.items() if name.startswith("down_colour")) == pytest.approx(44 / 750)
    assert 1 - sum(rate for name, rate in DUKE.published_rates("test").items() if name.startswith("up_colour")) == pytest.approx(14 / 1110)


def test_limit_mark_and_checksum(pedestrian_copy, check_split):
    copy = pedestrian_copy("market1501", nested=True)
    with pytest.warns(UserWarning, match=r"market_attribute\.mat: its MD5 is not the published 9446b"):
        data = load(copy, limit=3)
    assert len(data) == 3
    check_split(data, copy)
    assert not data.generated
    (copy.base / "GENERATED.txt").write_text("drawn")
    assert load(copy).generated


def test_labels_are_float32_and_known_where_written(pedestrian_copy):
    labels = load(pedestrian_copy("market1501")).labels
    assert labels.dtype == torch.float32
    assert not labels.isnan().any()


def test_camera_of_another_name():
    assert camera_of("0002_c5s1_000123_01.jpg") == 5
    assert camera_of("0005_c8_f0046985.jpg") == 8
    with pytest.raises(InputError, match=r"'holiday\.jpg'"):
        camera_of("holiday.jpg")
