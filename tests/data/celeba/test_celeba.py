"""CelebA from every layout in use, joined by file name, against Pillow and torchvision as independent readers."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.celeba import read_landmarks
from mtattr.data.celeba_attributes import (
    ALIASES,
    NAMES,
    NUM_IMAGES,
    NUM_TRAIN_IMAGES,
    PART,
    PARTS,
    POSITIVES,
    TASKS,
    TRAIN_POSITIVES,
    official_name,
)
from mtattr.errors import InputError
from PIL import Image
from torchvision.datasets import CelebA

# A small copy cannot have the published checksums.
pytestmark = pytest.mark.filterwarnings("ignore:.*its MD5 is not the published")

LAYOUTS = ("nested", "flat", "torchvision", "kaggle")


def load(copy, split="train", **options):
    return load_dataset("celeba", split, **{"root": copy.root, "image_size": (24, 16)} | options)


def check(data, copy, split, **shown):
    assert sorted(data.keys) == copy.of(split)
    expected = {name: [(v + 1) // 2 for v in copy.values[name]] for name in copy.names}
    assert data.labels.tolist() == [expected[key] for key in data.keys]
    for key, image in zip(data.keys, data.images, strict=True):
        np.testing.assert_array_equal(image, copy.shown(key, 24, 16, **shown))


def test_labels_and_pictures_in_every_layout(celeba_copy):
    for split in ["train", "val", "test"]:
        for layout in LAYOUTS:
            copy = celeba_copy(layout=layout)
            data = load(copy, split)
            check(data, copy, split)
            assert data.tasks == TASKS
            assert not data.generated
            if layout == "kaggle":
                assert data.identities is None
                assert "identities" not in data.facts
            else:
                assert data.identities.tolist() == [copy.identity[key] for key in data.keys]
                assert data.facts["identities"] == len({copy.identity[key] for key in data.keys})


def test_line_ends(celeba_copy):
    for layout in ["nested", "kaggle"]:
        for newline, end in [("\n", ""), ("\r\n", "\r\n\r\n"), ("\n", "   \n")]:
            copy = celeba_copy(layout=layout, newline=newline, end=end)
            check(load(copy), copy, "train")


def test_agrees_with_torchvision(celeba_copy):
    # torchvision joins by position, so that its copy must not be shuffled.
    copy = celeba_copy(layout="torchvision", shuffled=False)

    class Unchecked(CelebA):
        file_list = [(file, None, name) for file, _, name in CelebA.file_list]  # noqa: RUF012

    for ours, theirs in (("train", "train"), ("val", "valid"), ("test", "test")):
        data = load(copy, ours, image_size=(55, 45))
        other = Unchecked(str(copy.root), split=theirs, target_type=["attr", "identity", "landmarks"])
        assert data.keys == tuple(other.filename)
        assert torch.equal(data.labels.long(), other.attr)
        assert torch.equal(data.identities, other.identity[:, 0])
        assert torch.equal(read_landmarks(copy.root, data.keys), other.landmarks_align.reshape(-1, 5, 2))
        assert data.tasks.names == tuple(name for name in other.attr_names if name)
        for i, (image, _) in enumerate(other):
            np.testing.assert_array_equal(data.images[i].permute(1, 2, 0), np.asarray(image))


def test_png_copies_keep_the_names_of_the_tables(celeba_copy):
    for pictures in ["img_align_celeba_png", "Img/img_align_celeba_png", "Img/img_align_celeba/img_align_celeba"]:
        copy = celeba_copy(pictures=pictures, png=True)
        data = load(copy)
        check(data, copy, "train", suffix=".png")
        assert data.facts["layout"] == f"nested, images in {pictures} (PNG)"


def test_root_may_be_one_of_the_three_folders(celeba_copy):
    for folder in ["Anno", "Eval", "Img"]:
        copy = celeba_copy()
        check(load(copy, root=copy.root / folder), copy, "train")


def test_columns_in_another_order(celeba_copy):
    copy = celeba_copy(layout="kaggle")
    path = copy.table("list_attr_celeba.csv")
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join([row[0], *reversed(row[1:])]) for row in rows))
    check(load(copy), copy, "train")


def test_photographs_in_the_wild(celeba_copy):
    for crop in ["none", "box"]:
        copy = celeba_copy()
        data = load(copy, "val", images="wild", crop=crop)
        assert data.facts["images"] == "wild"
        assert sorted(data.keys) == copy.of("val")
        for key, image in zip(data.keys, data.images, strict=True):
            x, y, width, height = copy.boxes[key]
            whole = copy.shown(key, 24, 16, folder=copy.wild)
            if crop == "none":
                np.testing.assert_array_equal(image, whole)
            else:
                # Some boxes reach beyond the photograph: what lies outside is cut away.
                with Image.open(copy.wild / key) as photograph:
                    inside = [x, y, min(width, photograph.width - x), min(height, photograph.height - y)]
                np.testing.assert_array_equal(image, copy.shown(key, 24, 16, box=inside, folder=copy.wild))


def test_a_photograph_without_a_box_stays_whole(celeba_copy):
    copy = celeba_copy()
    path, name = copy.table("list_bbox_celeba.txt"), copy.of("val")[1]
    rows = [f"{name} 0 0 0 0" if line.startswith(name) else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(rows))
    with pytest.warns(UserWarning, match="1 images have no box"):
        data = load(copy, "val", images="wild", crop="box")
    assert data.facts["without_box"] == [name]
    np.testing.assert_array_equal(data.images[data.keys.index(name)], copy.shown(name, 24, 16, folder=copy.wild))


def test_landmarks_are_joined_by_name(celeba_copy):
    for layout in ["nested", "kaggle"]:
        copy = celeba_copy(layout=layout)
        keys = [copy.names[i] for i in (5, 0, 9)]
        points = read_landmarks(copy.root, keys)
        assert points.dtype == torch.int64
        assert points.flatten(1).tolist() == [copy.landmarks[key] for key in keys]
        if layout == "nested":
            assert read_landmarks(copy.root, keys, images="wild").flatten(1).tolist() == [copy.wild_landmarks[key] for key in keys]


def test_optional_tables_may_be_missing(celeba_copy):
    copy = celeba_copy()
    for name in ("identity_CelebA", "list_bbox_celeba", "list_landmarks_align_celeba", "list_landmarks_celeba"):
        copy.table(f"{name}.txt").unlink()
    data = load(copy)
    check(data, copy, "train")
    assert data.identities is None
    with pytest.raises(InputError, match=r"list_landmarks_align_celeba\.txt: file missing.*Multimedia Laboratory"):
        read_landmarks(copy.root, data.keys)
    with pytest.raises(InputError, match=r"list_bbox_celeba\.txt: file missing"):
        load(copy, images="wild", crop="box")


def test_optional_tables_may_know_more_images(celeba_copy):
    copy = celeba_copy()
    path = copy.table("identity_CelebA.txt")
    path.write_text("999999.jpg 5\n" + path.read_text())
    assert load(copy).identities.tolist() == [copy.identity[key] for key in load(copy).keys]


def test_facts(celeba_copy):
    copy = celeba_copy()
    facts = load(copy, limit=2).facts
    assert facts["layout"] == "nested, images in Img/img_align_celeba"
    assert facts["counts"] == {"images": 12, "train": 6, "val": 3, "test": 3, "identities": len(set(copy.identity.values()))}
    assert facts["published"] == {"images": 202599, "train": 162770, "val": 19867, "test": 19962, "identities": 10177}
    train = [copy.values[name] for name in copy.of("train")]
    assert facts["rates"] == {name: pytest.approx(sum(row[k] == 1 for row in train) / 6) for k, name in enumerate(NAMES)}
    assert facts["published_rates"]["Male"] == 68261 / 162770
    assert set(facts["published_rates"]) == set(NAMES)
    assert load(copy, "test").facts["published_rates"] == {}
    assert str(copy.root) not in repr(facts)


def test_a_limit_is_a_fair_sample_that_grows(celeba_copy):
    copy = celeba_copy()
    kept = [set(load(copy, limit=n, seed=4).keys) for n in range(1, 7)]
    assert [len(keys) for keys in kept] == [1, 2, 3, 4, 5, 6]
    assert all(small < large for small, large in pairwise(kept))


def test_copies_that_differ_are_named_and_used(celeba_copy):
    copy = celeba_copy()
    with pytest.warns(UserWarning, match=r"list_attr_celeba\.txt: its MD5 is not the published 75e246"):
        facts = load(copy).facts
    assert set(facts["checksums"]) >= {"list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt"}


def test_the_official_partition_is_recognised(tmp_path):
    from mtattr.data.celeba_tables import MD5
    from mtattr.data.checksums import warn_of_other_copies

    path = tmp_path / "list_eval_partition.txt"
    rows = (f"{i:06d}.jpg {0 if i <= 162770 else 1 if i <= 182637 else 2}\r\n" for i in range(1, 202600))
    path.write_bytes("".join(rows).encode())
    assert warn_of_other_copies({path: MD5["list_eval_partition"]}) == {"list_eval_partition.txt": "as published"}


def test_the_mark_of_a_generated_copy(celeba_copy, recwarn):
    copy = celeba_copy(layout="torchvision")
    for folder in (copy.root, copy.root / "celeba"):
        (folder / "GENERATED.txt").write_text("drawn")
        data = load(copy)
        assert data.generated
        assert data.facts["checksums"] == {}
        (folder / "GENERATED.txt").unlink()
    assert not [warning for warning in recwarn if "MD5" in str(warning.message)]


def test_names_and_counts_of_the_attributes():
    assert NAMES[0] == "5_o_Clock_Shadow"
    assert NAMES[39] == "Young"
    # Three sums that are published apart from the counts.
    assert sum(POSITIVES.values()) / NUM_IMAGES == pytest.approx(9.03, abs=0.005)
    majority = [max(n, NUM_IMAGES - n) / NUM_IMAGES for n in POSITIVES.values()]
    assert 100 * sum(majority) / 40 == pytest.approx(80.52, abs=0.005)
    majority = [max(n, NUM_TRAIN_IMAGES - n) / NUM_TRAIN_IMAGES for n in TRAIN_POSITIVES.values()]
    assert 100 * sum(majority) / 40 == pytest.approx(80.57, abs=0.005)
    assert all(0 <= POSITIVES[name] - TRAIN_POSITIVES[name] <= NUM_IMAGES - NUM_TRAIN_IMAGES for name in NAMES)
    assert set(PART.values()) == set(PARTS)


def test_names_in_papers():
    printed_names = {
        "5 Shadow": "5_o_Clock_Shadow",
        "Recede Hair": "Receding_Hairline",
        "mouth  open": "Mouth_Slightly_Open",
        "Male": "Male",
    }
    printed_names |= {name.replace("_", " "): name for name in ("Bags_Under_Eyes", "No_Beard")}
    for printed, official in printed_names.items():
        assert official_name(printed) == official


def test_unknown_names_and_aliases():
    assert set(ALIASES.values()) <= set(NAMES)
    with pytest.raises(InputError, match="'Freckles'"):
        official_name("Freckles")


def test_tasks_agree_with_the_twin():
    assert pytest.importorskip("mtattr.twins.faces").TASKS == TASKS
