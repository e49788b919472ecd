"""CelebA from small copies written byte for byte as the official files are."""

import hashlib
import random
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch
from mtattr.data import load_dataset
from mtattr.errors import InputError

# An invented copy has not the published digests.
pytestmark = pytest.mark.filterwarnings("ignore:.*MD5")

NAMES_TEXT = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry Brown_Hair "
    "Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache "
    "Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair "
    "Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young"
)
NAMES = NAMES_TEXT.split()
FILES = {f"{i:06d}.jpg": i for i in range(1, 15)}
SPLIT = {name: 0 if i <= 8 else 1 if i <= 11 else 2 for name, i in FILES.items()}
DIGIT = {"train": 0, "val": 1, "test": 2}
PERSON = {name: [17, 9001, 204, 3, 10177][i % 5] for name, i in FILES.items()}
BOX = {name: (20 + 2 * i, 30 + i, 60, 80) for name, i in FILES.items()}


def attribute_row(name, values):
    """Values right-aligned to width 2, and the first one trimmed: a row that starts with +1 is one character shorter."""
    return name + " " + " ".join(f"{v:2d}" for v in values).lstrip()


def landmark_row(name, values):
    return f"{name} {values[0]:2d} " + " ".join(f"{v:4d}" for v in values[1:])


@pytest.fixture
def celeba_copy(tmp_path, official):
    def write(
        *, layout="nested", newline="\r\n", end="", shuffle=False, identities=True, pictures="Img/img_align_celeba", wild=False, seed=0
    ):
        chance = random.Random(seed)
        root = Path(mkdtemp(dir=tmp_path)) / "copy"
        values = {name: [chance.choice((-1, -1, 1)) for _ in NAMES] for name in FILES}
        anno, split = (root / "Anno", root / "Eval") if layout == "nested" else (root, root)

        def mixed(rows):
            return chance.sample(rows, len(rows)) if shuffle else rows

        def text(path, lines):
            official.write_text(path, lines, newline, end)

        count = str(len(FILES))
        if layout == "kaggle":
            head = ",".join(["image_id", *NAMES])
            text(root / "list_attr_celeba.csv", [head, *(",".join([n, *map(str, v)]) for n, v in values.items())])
            text(root / "list_eval_partition.csv", ["image_id,partition", *(f"{n},{s}" for n, s in SPLIT.items())])
            boxes = [",".join([n, *map(str, b)]) for n, b in BOX.items()]
            text(root / "list_bbox_celeba.csv", ["image_id,x_1,y_1,width,height", *boxes])
        else:
            text(anno / "list_attr_celeba.txt", [count, " ".join(NAMES) + " ", *mixed([attribute_row(n, v) for n, v in values.items()])])
            text(split / "list_eval_partition.txt", mixed([f"{n} {s}" for n, s in SPLIT.items()]))
            if identities:
                text(anno / "identity_CelebA.txt", mixed([f"{n} {p}" for n, p in PERSON.items()]))
            boxes = [f"{n} {x:5d}{y:4d}{w:4d}{h:4d}" for n, (x, y, w, h) in BOX.items()]
            text(anno / "list_bbox_celeba.txt", [count, "image_id x_1 y_1 width height", *mixed(boxes)])
            points = [x for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for x in (f"{place}_x", f"{place}_y")]
            rows = [landmark_row(n, [60 + i, 110, 105 + i, 112, 80, 140, 70, 150, 108, 155]) for n, i in FILES.items()]
            text(anno / "list_landmarks_align_celeba.txt", [count, " ".join(points), *mixed(rows)])
        for name, i in FILES.items():
            official.save_picture(root / pictures / name, i, (178, 218))
            if wild:
                x, y, w, h = BOX[name]
                folder = root / ("Img/img_celeba" if layout == "nested" else "img_celeba")
                official.save_picture(folder / name, 100, (150, 160), (x - 4, y - 4, x + w + 4, y + h + 4), i)
        truth = {n: (FILES[n], [(v + 1) / 2 for v in values[n]]) for n in FILES}
        return root, {s: {n: truth[n] for n in FILES if SPLIT[n] == d} for s, d in DIGIT.items()}

    return write


def annotation(root, name):
    return next(root.rglob(name))


def edit(root, name, old, new):
    path = annotation(root, name)
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))


def load(root, split="train", **options):
    return load_dataset("celeba", split, root=root, **{"image_size": 32, **options})


def test_the_fixture_writes_what_the_official_files_hold(celeba_copy):
    rows = (f"{i:06d}.jpg {0 if i <= 162770 else 1 if i <= 182637 else 2}\r\n" for i in range(1, 202600))
    assert hashlib.md5("".join(rows).encode()).hexdigest() == "d32c9cbf5e040fd4025c592c306e6668"
    root, _ = celeba_copy()
    _, header, *rows = (root / "Anno/list_attr_celeba.txt").read_bytes().split(b"\r\n")[:-1]
    assert len(header) == 464
    assert header.endswith(b"Young ")
    assert {len(row) for row in rows} == {129, 130}
    assert {len(row) for row in (root / "Anno/list_bbox_celeba.txt").read_bytes().split(b"\r\n")[2:-1]} == {28}
    assert {len(row) for row in (root / "Anno/list_landmarks_align_celeba.txt").read_bytes().split(b"\r\n")[2:-1]} == {58}


def test_every_layout(celeba_copy, official):
    for layout, pictures in [
        ("nested", "Img/img_align_celeba"),
        ("nested", "img_align_celeba"),
        ("nested", "Img/img_align_celeba/img_align_celeba"),
        ("flat", "img_align_celeba"),
        ("flat", "img_align_celeba/img_align_celeba"),
        ("kaggle", "img_align_celeba/img_align_celeba"),
        ("kaggle", "img_align_celeba"),
    ]:
        for split in DIGIT:
            root, truth = celeba_copy(layout=layout, pictures=pictures)
            data = load(root, split)
            assert data.tasks.names == tuple(NAMES)
            assert all(task.kind == "binary" for task in data.tasks)
            assert data.images.shape[1:] == (3, 32, 32)
            assert data.images.dtype == torch.uint8
            assert not data.generated
            official.assert_joined(data, truth[split])


def test_line_ends_of_other_copies(celeba_copy, official):
    for newline, end in [("\n", ""), ("\r\n", "\r\n"), ("\n", "\n")]:
        root, truth = celeba_copy(newline=newline, end=end)
        official.assert_joined(load(root), truth["train"])


def test_no_final_newline(celeba_copy, official):
    root, truth = celeba_copy()
    for path in root.rglob("*.txt"):
        path.write_bytes(path.read_bytes().removesuffix(b"\r\n"))
    official.assert_joined(load(root, "test"), truth["test"])


def test_tables_are_joined_by_name(celeba_copy, official):
    root, truth = celeba_copy(shuffle=True, wild=True)
    for split in DIGIT:
        data = load(root, split)
        official.assert_joined(data, truth[split])
        official.assert_same_people(data, PERSON.__getitem__)
    official.assert_joined(load(root, "train", images="wild", crop="box"), truth["train"])


def test_without_identities(celeba_copy, official):
    for layout in ["nested", "kaggle"]:
        root, truth = celeba_copy(layout=layout, identities=False)
        data = load(root)
        assert data.identities is None
        official.assert_joined(data, truth["train"])


def test_attributes_partition_and_pictures_are_enough(celeba_copy, official):
    root, truth = celeba_copy(identities=False)
    for name in ("list_bbox_celeba.txt", "list_landmarks_align_celeba.txt"):
        annotation(root, name).unlink()
    official.assert_joined(load(root), truth["train"])


def test_boxes_belong_to_the_pictures_in_the_wild(celeba_copy, official):
    for layout in ["nested", "flat"]:
        root, truth = celeba_copy(layout=layout, wild=True)
        official.assert_joined(load(root, "test", images="wild", crop="box"), truth["test"])
        whole = load(root, "test", images="wild", crop="none")
        corner = whole.images[:, :, :3, :3].float().mean((2, 3))
        assert (corner - torch.tensor(official.colour(100), dtype=torch.float32)).abs().max() < 12
        assert whole.keys == load(root, "test").keys
        with pytest.raises(InputError):
            load(root, "test", images="aligned", crop="box")


def test_a_split_of_one_picture(celeba_copy, official):
    root, truth = celeba_copy()
    path = annotation(root, "list_eval_partition.txt")
    lines = path.read_bytes().replace(b"000009.jpg 1", b"000009.jpg 0").replace(b"000010.jpg 1", b"000010.jpg 0")
    path.write_bytes(lines)
    official.assert_joined(load(root, "val"), {"000011.jpg": truth["val"]["000011.jpg"]})


def test_a_limit_keeps_pictures_and_labels_together(celeba_copy, official):
    root, truth = celeba_copy()
    data = load(root, limit=3)
    assert len(data) == 3
    official.assert_joined(data, {key: truth["train"][key] for key in data.keys})


def test_a_web_page_saved_under_the_name_of_a_table(celeba_copy):
    root, _ = celeba_copy()
    page = "<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>\n"
    annotation(root, "list_attr_celeba.txt").write_text(page * 30)
    with pytest.raises(InputError, match=r"list_attr_celeba\.txt"):
        load(root)


def test_a_damaged_table_is_named(celeba_copy):
    for table, old, new, expected in [
        ("list_attr_celeba.txt", b"14\r\n", b"15\r\n", "list_attr_celeba.txt"),
        ("list_attr_celeba.txt", b"Wearing_Necktie Young ", b"Wearing_Necktie ", "list_attr_celeba.txt"),
        ("list_attr_celeba.txt", b"000002.jpg ", b"000002.jpg 1 ", "list_attr_celeba.txt.*4"),
        ("list_attr_celeba.txt", b"000002.jpg ", b"000003.jpg ", "000003.jpg"),
        ("list_eval_partition.txt", b"000002.jpg 0", b"000002.jpg 3", "list_eval_partition.txt.*2"),
        ("list_eval_partition.txt", b"000002.jpg 0", b"000002.jpg", "list_eval_partition.txt.*2"),
        ("list_eval_partition.txt", b"000002.jpg 0", b"000099.jpg 0", "000099.jpg|000002.jpg"),
        ("identity_CelebA.txt", b"000002.jpg 204", b"000002.jpg x", "identity_CelebA.txt.*2"),
    ]:
        root, _ = celeba_copy()
        edit(root, table, old, new)
        with pytest.raises(InputError, match=expected) as caught:
            load(root)
        assert "\n" not in str(caught.value)


def test_an_attribute_is_minus_one_or_one(celeba_copy):
    for value in [b"0", b"2", b"yes"]:
        root, _ = celeba_copy()
        path = annotation(root, "list_attr_celeba.txt")
        lines = path.read_bytes().split(b"\r\n")
        lines[5] = lines[5].rsplit(None, 1)[0] + b" " + value
        path.write_bytes(b"\r\n".join(lines))
        with pytest.raises(InputError, match=r"list_attr_celeba\.txt.*6"):
            load(root)


def test_a_missing_table_is_named(celeba_copy):
    for table in ["list_attr_celeba.txt", "list_eval_partition.txt"]:
        root, _ = celeba_copy()
        annotation(root, table).unlink()
        with pytest.raises(InputError, match=table.removesuffix(".txt")):
            load(root)


def test_a_bad_picture_is_named_or_left_out_on_demand(celeba_copy, official):
    for damage in ["missing", "cut", "text"]:
        root, truth = celeba_copy()
        path = root / "Img/img_align_celeba/000004.jpg"
        raw = path.read_bytes()
        path.unlink()
        if damage != "missing":
            path.write_bytes(raw[: len(raw) // 2] if damage == "cut" else b"no picture")
        with pytest.raises(InputError, match=r"000004\.jpg"):
            load(root)
        data = load(root, skip_bad=True)
        official.assert_joined(data, {k: v for k, v in truth["train"].items() if k != "000004.jpg"})
        assert [str(key) for key in data.facts["skipped"]] == ["000004.jpg"]
        path.write_bytes(raw)
        official.assert_joined(load(root), truth["train"])


def test_without_a_root_the_error_says_where_to_get_it():
    with pytest.raises(InputError, match=r"(?i)celeba.*(Chinese University of Hong Kong|CUHK|Multimedia Lab)"):
        load_dataset("celeba", "train")
