"""One's own folder: a table as people and programs write it, and images."""

import csv as csv_module
import io

import numpy as np
import pytest
import torch
from mtattr.data import load_dataset
from mtattr.data.decode import decode_image
from mtattr.errors import InputError
from PIL import Image

HEADER = "image,split,identity,glasses,smile,hair"
ROWS = """anna-1.jpg,train,anna,1,0,brown
anna-2.jpg,train,anna,0,,brown
ben-1.jpg,val,ben,0,1,red
cora-1.jpg,test,cora,,1,black
dora-1.jpg,train,dora,1,0,
"""
NAN = float("nan")
TASKS = {"train": [[1, 0, 1], [0, NAN, 1], [1, 0, NAN]], "val": [[0, 1, 2]], "test": [[NAN, 1, 0]]}


def colour_of(name):
    return tuple(np.random.RandomState(sum(map(ord, name))).randint(0, 256, 3).tolist())


class Folder:
    def __init__(self, root):
        self.root = root
        root.mkdir()

    def photo(self, name, folder="images"):
        path = self.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30), colour_of(name)).save(path, "PNG")

    def table(self, text, name="labels.csv", *, encoding="utf-8", photos=True, folder="images"):
        path = self.root / name
        path.write_bytes(text.encode(encoding))
        if photos:
            delimiter = max(",;\t", key=text.split("\n")[0].count)
            rows = csv_module.reader(io.StringIO(text), delimiter=delimiter)
            column = [cell.strip().lower() for cell in next(rows)].index("image")
            for row in rows:
                if len(row) > column and row[column].strip():
                    self.photo(row[column].strip().replace("\\", "/"), folder)
        return path


@pytest.fixture
def folder(tmp_path, fresh_home):
    return Folder(tmp_path / "mine")


def load(folder, split="train", **options):
    return load_dataset("csv", split, **({"root": folder.root, "image_size": 16} | options))


def columns(folder, cells, **options):
    """Load a table with one attribute, `a`, of these cells."""
    folder.table("image,split,a\n" + "".join(f"{i}.png,train,{cell}\n" for i, cell in enumerate(cells)))
    data = load(folder, **options)
    return data.tasks[0], data.labels[:, 0]


def same(found, want):
    torch.testing.assert_close(found, torch.tensor(want, dtype=torch.float32), rtol=0, atol=0, equal_nan=True)


def test_every_row(folder):
    for pictures in ["images", "."]:
        for split in ["train", "val", "test"]:
            folder.table(f"{HEADER}\n{ROWS}", folder=pictures)
            data = load(folder, split)
            same(data.labels, TASKS[split])
            assert data.tasks.names == ("glasses", "smile", "hair")
            assert [task.kind for task in data.tasks] == ["binary", "binary", "categorical"]
            assert data.tasks[2].values == ("black", "brown", "red")
            wanted = [row.split(",") for row in ROWS.splitlines() if row.split(",")[1] == split]
            assert list(data.keys) == [row[0] for row in wanted]
            assert data.identities.tolist() == [["anna", "ben", "cora", "dora"].index(row[2]) for row in wanted]
            for key, image in zip(data.keys, data.images, strict=True):
                assert image[:, 0, 0].tolist() == list(colour_of(key))
            assert data.facts["counts"] == {"train split": 3, "val split": 1, "test split": 1}
            assert data.facts["identities"] == 4
            assert not data.generated


FORMS = {
    "semicolon": lambda text: text.replace(",", ";"),
    "tab": lambda text: text.replace(",", "\t"),
    "windows": lambda text: text.replace("\n", "\r\n"),
    "byte order mark": lambda text: "\ufeff" + text,
    "no final newline": lambda text: text.rstrip("\n"),
    "blank lines": lambda text: text.replace("\n", "\n\n") + "\n,,,,,\n",
    "quoted": lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    "spaces": lambda text: text.replace(",", " , "),
    "capitals": lambda text: text.replace("image,split,identity", "Image,SPLIT,Identity").replace(",train,", ",Train,"),
    "long word": lambda text: text.replace(",val,", ",validation,"),
}


def test_ways_to_write_the_table(folder):
    for form in FORMS:
        plain = f"{HEADER}\n{ROWS}"
        folder.table(plain)
        want = [load(folder, split).fingerprint for split in TASKS]
        folder.table(FORMS[form](plain), photos=False)
        assert [load(folder, split).fingerprint for split in TASKS] == want


def test_quoted_commas_and_accents(folder):
    folder.table('image,split,"a, ""b"" and é"\n"x, y.png",train,"ja, oui"\nz.png,train,nein\n')
    data = load(folder)
    assert data.tasks.names == ('a, "b" and é',)
    assert data.tasks[0].values == ("ja, oui", "nein")
    assert data.keys == ("x, y.png", "z.png")


BINARY = {
    "0 and 1": (["0", "1", ""], [0, 1, NAN]),
    "-1 and 1": (["-1", "1", "", "-1"], [0, 1, NAN, 0]),
    "as pandas writes them": (["1.0", "0.0", ""], [1, 0, NAN]),
    "true and false": (["True", "false", "TRUE", "nan"], [1, 0, 1, NAN]),
    "yes and no": (["yes", "No", ""], [1, 0, NAN]),
    "only ones": (["1", "1"], [1, 1]),
    "only minus ones": (["-1", ""], [0, NAN]),
    "probabilities": (["0.25", "1", "0", "1e-1"], [0.25, 1, 0, 0.1]),
}


def test_binary_columns(folder):
    for case in BINARY:
        cells, want = BINARY[case]
        task, labels = columns(folder, cells)
        assert task.kind == "binary"
        same(labels, want)


CATEGORICAL = {
    "words": (["red", "blue", "", "red"], ("blue", "red"), [1, 0, NAN, 1]),
    "whole numbers": (["10", "9", "2", "10"], ("2", "9", "10"), [2, 1, 0, 2]),
    "whole numbers as pandas writes them": (["10.0", "9.0", "", "2.0"], ("2", "9", "10"), [2, 1, NAN, 0]),
    "capitals count": (["Red", "red"], ("Red", "red"), [0, 1]),
    "words and numbers in one": (["size 1", "size 2"], ("size 1", "size 2"), [0, 1]),
}


def test_categorical_columns(folder):
    for case in CATEGORICAL:
        cells, values, want = CATEGORICAL[case]
        task, labels = columns(folder, cells)
        assert (task.kind, task.values) == ("categorical", values)
        same(labels, want)


def test_classes_are_those_of_the_whole_table(folder):
    folder.table("image,split,a\n1.png,train,x\n2.png,train,y\n3.png,val,z\n4.png,test,w\n")
    tasks = {load(folder, split).tasks for split in TASKS}
    assert len(tasks) == 1
    assert tasks.pop()[0].values == ("w", "x", "y", "z")


def test_columns_declared_categorical(folder):
    task, labels = columns(folder, ["yes", "no", "maybe", "no"], categorical=["a"])
    assert task.values == ("maybe", "no", "yes")
    same(labels, [2, 1, 0, 1])
    task, _ = columns(folder, ["0", "1"], categorical="a")
    assert task.values == ("0", "1")


def test_attributes_chosen_and_ordered(folder):
    # The column that is left out may hold anything.
    folder.table("image,split,note,a,b\n1.png,train,0,1,x\n2.png,train,what,0,y\n")
    data = load(folder, attributes=("b", "a"))
    assert data.tasks.names == ("b", "a")
    same(data.labels, [[0, 1], [1, 0]])
    assert load(folder, attributes="a").tasks.names == ("a",)


def many(folder, identity, n=300, first=0):
    head = "image,identity,a\n" if identity else "image,a\n"
    cells = [[f"{i}.png", *([f"p{i // 3}"] if identity else []), str(i % 2)] for i in range(first, n)]
    folder.table(head + "\n".join(map(",".join, cells)), photos=False)
    Image.new("RGB", (9, 9)).save(folder.root / "0.png")
    for i in range(1, n):
        if not (folder.root / f"{i}.png").exists():
            (folder.root / f"{i}.png").hardlink_to(folder.root / "0.png")


@pytest.mark.parametrize("identity", [False, True])
def test_splits_without_a_column(folder, identity):
    many(folder, identity)
    parts = {split: load(folder, split) for split in TASKS}
    keys = [key for data in parts.values() for key in data.keys]
    assert sorted(keys) == sorted(f"{i}.png" for i in range(300))
    for split in ("val", "test"):
        assert 0.04 < len(parts[split]) / 300 < 0.17
    if identity:
        people = [set(data.identities.tolist()) for data in parts.values()]
        assert sum(map(len, people)) == len(set.union(*people)) == 100
    before = {key: split for split, data in parts.items() for key in data.keys}
    many(folder, identity, n=400)
    after = {key: split for split in TASKS for key in load(folder, split).keys}
    assert before.items() <= after.items()


@pytest.mark.parametrize("name", ["labels.csv", "attributes.csv"])
def test_the_table_found_or_named(folder, name):
    path = folder.table(f"{HEADER}\n{ROWS}", name)
    assert load(folder, root=path).fingerprint == load(folder).fingerprint
    (folder.root / ".~lock.csv").write_text("x")
    assert load(folder, root=str(path)).facts["layout"].startswith(name)


def test_paths_are_made_alike(folder):
    folder.table("image,split,a\n./a/1.png,train,0\nb\\2.png,train,1\n")
    assert load(folder).keys == ("a/1.png", "b/2.png")


def test_pixels_and_limit(folder):
    many(folder, False, n=60)
    Image.fromarray(np.arange(27, dtype=np.uint8).reshape(3, 3, 3)).save(folder.root / "images.png")
    folder.table("image,split,a\nimages.png,train,0\n0.png,train,1\n1.png,train,1\n", photos=False)
    whole = load(folder, image_size=(12, 20))
    np.testing.assert_array_equal(whole.images[0].numpy(), decode_image(folder.root / "images.png", (12, 20)))
    one, two = (load(folder, limit=n, seed=4, image_size=(12, 20)) for n in (1, 2))
    assert set(one.keys) < set(two.keys) < set(whole.keys)


def test_readme_and_mark(folder):
    folder.table(f"{HEADER}\n{ROWS}")
    assert load(folder).source
    (folder.root / "README.md").write_text("# Mine\n\n- **Source**: our camera, 2024\nTerms: ask us \n")
    (folder.root / "GENERATED.txt").write_text("drawn")
    data = load(folder)
    assert (data.source, data.terms, data.generated) == ("our camera, 2024", "ask us", True)


def test_an_identity_in_two_splits_warns(folder):
    folder.table("image,split,identity,a\n1.png,train,x,0\n2.png,test,x,1\n")
    with pytest.warns(UserWarning, match=r"1 identities \(e\.g\. 'x'\) are in more than one split"):
        assert load(folder).facts["identities_in_two_splits"] == 1


def test_skip_bad_lists_what_it_leaves_out(folder):
    folder.table(f"{HEADER}\n{ROWS}")
    (folder.root / "images" / "anna-1.jpg").unlink()
    (folder.root / "images" / "dora-1.jpg").write_bytes(b"no image")
    data = load(folder, skip_bad=True)
    assert data.facts["skipped"] == ["anna-1.jpg", "dora-1.jpg"]
    assert data.keys == ("anna-2.jpg",)
    assert data.identities.tolist() == [0]
    same(data.labels, [TASKS["train"][1]])
    assert data.tasks[2].values == ("black", "brown", "red")


def fails(folder, fresh_home, *parts, split="train", **options):
    before = set(fresh_home.rglob("*.uint8"))
    with pytest.raises(InputError) as caught:
        load(folder, split, **options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message
    assert set(fresh_home.rglob("*.uint8")) == before


FAULTS = {
    "no image column": (f"file{HEADER[5:]}\n{ROWS}", "line 1", "expected a column 'image'"),
    "web page": ("<!DOCTYPE html>\n<html></html>\n", "line 1", "expected a column 'image'"),
    "empty": ("", "the file is empty"),
    "only blank": ("\n\n", "the file is empty"),
    "header only": (f"{HEADER}\n", "the file has none"),
    "index column": ("," + HEADER + "\n", "line 1", "column 1 has no name", "index=False"),
    "column twice": ("image,a,a\n", "line 1", "two columns are called 'a'"),
    "no attribute": ("image,split\n1.png,train\n", "line 1", "at least one attribute"),
    "too few values": (f"{HEADER}\n{ROWS}x.jpg,train,x,1,0\n", "line 7", "expected 6 values", "got 5"),
    "too many values": (f"{HEADER}\nx.jpg,train,x,1,0,red,\n{ROWS}", "line 2", "got 7"),
    "image twice": (f"{HEADER}\n{ROWS}./anna-1.jpg,train,anna,1,0,red\n", "line 7", "first in line 2"),
    "no image": (f"{HEADER}\n{ROWS},train,x,1,0,red\n", "line 7", "name is empty"),
    "absolute path": (f"{HEADER}\n/x.jpg,train,x,1,0,red\n", "line 2", "below the folder"),
    "windows path": (f"{HEADER}\nC:\\x.jpg,train,x,1,0,red\n", "line 2", "below the folder"),
    "path outside": (f"{HEADER}\na/../../x.jpg,train,x,1,0,red\n", "line 2", "below the folder"),
    "unknown split": (f"{HEADER}\n{ROWS}x.jpg,training set,x,1,0,red\n", "line 7", "'training set'", "train, val, test"),
    "empty split": (f"{HEADER}\n{ROWS}x.jpg,,x,1,0,red\n", "line 7", "train, val, test"),
    "empty identity": (f"{HEADER}\n{ROWS}x.jpg,train,,1,0,red\n", "line 7", "identity is empty"),
    "open quote": (f'{HEADER}\n{ROWS}"x.jpg,train,x,1,0,red\n', "line 7", "quotes"),
    "0 and yes": (f"{HEADER}\n{ROWS}x.jpg,train,x,yes,0,red\n", "line 7", "'yes' here and '1' in line 2", "categorical=('glasses',)"),
    "yes and true": ("image,split,a\n1.png,train,yes\n2.png,train,true\n", "line 3", "'true' here and 'yes' in line 2"),
    "number and word": (f"{HEADER}\n{ROWS}x.jpg,train,x,1,?,red\n", "line 7", "column 'smile'"),
    "-1, 0 and 1": ("image,a\n1.png,-1\n2.png,1\n3.png,0\n", "line 4", "unknown"),
    "out of range": ("image,a\n1.png,0.5\n2.png,1.5\n", "line 2", "number 0.5"),
    "continuous": ("image,a\n1.png,3\n2.png,17.25\n", "line 3", "number 17.25"),
    "endless": ("image,a\n1.png,3\n2.png,1e999\n", "line 3", "number 1e999"),
    "no value": ("image,a,b\n1.png,0,\n2.png,1,nan\n", "column 'b' has no value"),
    "one class": ("image,a\n1.png,x\n2.png,x\n", "only the value 'x'"),
    "notes": ("image,a\n" + "".join(f"{i}.png,note {i}\n" for i in range(30)), "no two rows of column 'a' agree"),
}


def test_a_fault_in_the_table(folder, fresh_home):
    for case in FAULTS:
        text, *expected = FAULTS[case]
        path = folder.table(text, photos=False)
        fails(folder, fresh_home, path, *expected)


def test_another_encoding(folder, fresh_home):
    for encoding in ["cp1252", "utf-16"]:
        path = folder.table(f"{HEADER}\n{ROWS}é.jpg,train,é,1,0,red\n", encoding=encoding, photos=False)
        fails(folder, fresh_home, path, "UTF-8")


def test_a_missing_or_damaged_image(folder, fresh_home):
    path = folder.table(f"{HEADER}\n{ROWS}")
    photo = folder.root / "images" / "anna-2.jpg"
    whole = photo.read_bytes()
    photo.unlink()
    fails(folder, fresh_home, path, "line 3", "'anna-2.jpg' is neither in")
    for content in (b"", whole[:40], b"<html></html>"):
        photo.write_bytes(content)
        fails(folder, fresh_home, photo, "damaged")


def test_an_empty_split(folder, fresh_home):
    path = folder.table("image,split,a\n1.png,train,0\n2.png,train,1\n")
    fails(folder, fresh_home, path, "val split is empty", "column 'split'", split="val")
    folder.table("image,a\n1.png,0\n2.png,1\n")
    fails(folder, fresh_home, path, "too few", "add a column 'split'", split="val")


def test_no_table_and_several(folder, fresh_home):
    fails(folder, fresh_home, folder.root, "labels.csv", "none")
    for name in ("a.csv", "b.csv"):
        folder.table(f"{HEADER}\n{ROWS}", name, photos=False)
    fails(folder, fresh_home, "a.csv, b.csv")
    fails(folder, fresh_home, "root is missing", root=None)
    fails(folder, fresh_home, "root folder missing", root=folder.root / "no")


def test_unusable_options(folder, fresh_home):
    for option, value in [
        ("attributes", ["age"]),
        ("attributes", []),
        ("attributes", ["hair", "hair"]),
        ("categorical", ["image"]),
        ("attributes", 3),
        ("categorical", [None]),
    ]:
        folder.table(f"{HEADER}\n{ROWS}")
        fails(folder, fresh_home, option, "glasses, smile, hair", **{option: value})


def test_a_name_that_no_disk_takes_is_named_by_its_line(folder):
    for skip_bad in [False, True]:
        for name in ["a\0.jpg", "a" * 256 + ".jpg", "a/" * 600 + "b.jpg"]:
            folder.table(f"image,split,glasses\nfirst.jpg,train,1\n{name},train,0\n", photos=False)
            folder.photo("first.jpg")
            with pytest.raises(InputError, match=r"labels\.csv, line 3: expected an image's path"):
                load(folder, skip_bad=skip_bad)


def test_one_file_under_two_names_is_named(folder):
    folder.table("image,split,glasses\na.jpg,train,1\nimages/a.jpg,test,0\n", photos=False)
    folder.photo("a.jpg")
    with pytest.raises(InputError, match=r"labels\.csv, line 3: image 'images/a\.jpg' is given again"):
        load(folder)
    folder.photo("a.jpg", folder="")
    assert load(folder).keys == ("a.jpg",)


def test_one_number_written_in_two_ways_is_no_two_classes(folder):
    for cells, line in [(("3", "03", "7"), 3), (("10", "7", "1e1"), 4)]:
        folder.table("image,split,make\n" + "".join(f"{i}.jpg,train,{cell}\n" for i, cell in enumerate(cells)))
        with pytest.raises(InputError, match=rf"labels\.csv, line {line}: column 'make'"):
            load(folder)


def test_what_could_mean_unknown_is_asked_about(folder):
    folder.table("image,split,hair\na.jpg,train,red\nb.jpg,train,NA\nc.jpg,train,brown\n")
    with pytest.raises(InputError, match=r"labels\.csv, line 3: column 'hair' has 'NA'"):
        load(folder)
    assert load(folder, categorical=("hair",)).tasks[0].values == ("NA", "brown", "red")


def test_a_root_that_cannot_be_is_bad_input(fresh_home):
    for root in ["", "~nobody-of-this-name/photos", "x" * 5000, "/" + "x" * 300, "a\0b"]:
        with pytest.raises(InputError, match=r"root|no such user"):
            load_dataset("csv", "train", root=root)
