import random
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtattr.data.annotations import box, codes, image_rows, joined, number_within, one_of, read_names
from mtattr.errors import InputError

WORDS = st.text(string.ascii_letters + string.digits + "-_/.'&é", min_size=1, max_size=8)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
IMAGES = st.tuples(WORDS, WORDS).map(lambda parts: "img/" + "/".join("_" + part.replace("/", "-") for part in parts) + ".jpg")
NEWLINES = st.sampled_from(["\n", "\r\n"])
ENDS = st.sampled_from(["", "\n", "\n\n", "  \n"])
GAPS = st.sampled_from([" ", "   ", "\t", " \t "])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table.txt"


def read_fields(path, width, convert):
    """{image: (value, line)} of a table."""
    rows = {}
    values = [(convert(line, fields), line) for _, line, fields in joined(path, image_rows(path), width, rows, unknown="add")]
    return dict(zip(rows, values, strict=True))


def fill_values(out, path, rows):
    convert = codes(path, {"-1": -1, "0": 0, "1": 1})
    for row, line, fields in joined(path, image_rows(path), out.shape[1], rows):
        out[row] = convert(line, fields)


def write(path, rows, *, newline="\n", end="\n", head="a  b"):
    path.write_bytes(("\n".join([str(len(rows)), head, *rows]) + end).replace("\n", newline).encode())


@given(rows=st.lists(st.tuples(NAMES, st.integers(0, 99)), unique=True, min_size=1, max_size=12), newline=NEWLINES, end=ENDS, gap=GAPS)
def test_names_with_spaces_and_hyphens(path, rows, newline, end, gap):
    write(path, [f"{name}{gap}{number}" for name, number in rows], newline=newline, end=end)
    assert read_names(path) == rows


@given(rows=st.dictionaries(IMAGES, st.integers(1, 50), max_size=12), newline=NEWLINES, end=ENDS, gap=GAPS, width=st.integers(0, 4))
def test_one_number_a_row(path, rows, newline, end, gap, width):
    write(path, [f"{image}{gap}{number:0{width}d}" for image, number in rows.items()], newline=newline, end=end)
    found = read_fields(path, 1, number_within(path, range(1, 51), "category id"))
    assert {image: value for image, (value, _) in found.items()} == rows
    assert [line for _, line in found.values()] == list(range(3, 3 + len(rows)))


@given(number=st.one_of(st.integers(max_value=0), st.integers(min_value=51)))
def test_a_number_outside_its_range_is_named(path, number):
    write(path, ["a.jpg 1", f"b.jpg {number}"])
    with pytest.raises(InputError, match=f"table.txt, line 4: category id {number} is outside 1..50"):
        read_fields(path, 1, number_within(path, range(1, 51), "category id"))


@given(word=WORDS.filter(lambda word: word not in ("train", "val", "test")))
def test_an_unknown_word_is_named(path, word):
    write(path, [f"a.jpg {word}"])
    with pytest.raises(InputError, match=re.escape(f"line 3: split {word!r} is not one of train, val, test")):
        read_fields(path, 1, one_of(path, ("train", "val", "test"), "split"))


@given(corners=st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_boxes(path, corners):
    write(path, ["a.jpg " + " ".join(f"{corner:03d}" for corner in corners)])
    if corners[0] < corners[2] and corners[1] < corners[3]:
        assert read_fields(path, 4, box(path))["a.jpg"][0] == tuple(corners)
    else:
        with pytest.raises(InputError, match="line 3: expected a box"):
            read_fields(path, 4, box(path))


@st.composite
def value_tables(draw):
    images = draw(st.lists(IMAGES, unique=True, min_size=1, max_size=8))
    width = draw(st.integers(1, 7))
    cells = draw(
        st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=width, max_size=width), min_size=len(images), max_size=len(images))
    )
    return images, cells


def table_lines(images, cells, order):
    return [f"{images[i]:<20} " + " ".join(f"{value:2d}" for value in cells[i]) for i in order]


@given(table=value_tables(), newline=NEWLINES, end=ENDS, shuffle=st.randoms(use_true_random=False))
def test_values_are_joined_by_name(path, table, newline, end, shuffle):
    images, cells = table
    order = shuffle.sample(range(len(images)), len(images))
    write(path, table_lines(images, cells, order), newline=newline, end=end)
    out = np.full((len(images), len(cells[0])), 9, dtype=np.int8)
    fill_values(out, path, {image: i for i, image in enumerate(images)})
    assert out.tolist() == cells


@given(table=value_tables(), data=st.data())
def test_one_damage_is_always_found(path, table, data):
    images, cells = table
    lines = table_lines(images, cells, range(len(images)))
    row = data.draw(st.integers(0, len(lines) - 1))
    damage = data.draw(st.sampled_from(["value", "one less", "one more", "renamed", "left out", "twice", "count"]))
    count = len(lines)
    if damage == "value":
        column = data.draw(st.integers(1, len(cells[0])))
        fields = lines[row].split()
        fields[column] = data.draw(st.sampled_from(["2", "-2", "x", "1.0", "01", "+1", "nan", "--1", "1-1"]))
        lines[row] = " ".join(fields)
    elif damage == "one less":
        lines[row] = lines[row].rsplit(None, 1)[0]
    elif damage == "one more":
        lines[row] += " 1"
    elif damage == "renamed":
        lines[row] = "x" + lines[row]
    elif damage == "left out":
        del lines[row]
        count -= 1
    elif damage == "twice":
        lines.append(lines[row])
        count += 1
    else:
        count += data.draw(st.sampled_from([-1, 1]))
    path.write_text("\n".join([str(count), "image_name  attribute_labels", *lines, ""]))
    out = np.zeros((len(images), len(cells[0])), dtype=np.int8)
    with pytest.raises(InputError, match=r"table\.txt") as caught:
        fill_values(out, path, {image: i for i, image in enumerate(images)})
    if damage in ("value", "one less", "one more", "renamed"):
        assert f"line {row + 3}:" in str(caught.value)


@given(content=st.binary(max_size=200))
def test_any_bytes_give_a_table_or_one_line(path, content):
    path.write_bytes(content)
    try:
        found, message = read_names(path), None
    except InputError as error:
        found, message = None, str(error)
    if message is None:
        assert all(name.strip() and isinstance(number, int) for name, number in found)
    else:
        assert "table.txt" in message
        assert len(message.splitlines()) == 1


def test_a_byte_order_mark_is_no_part_of_the_count(path):
    path.write_bytes(b"\xef\xbb\xbf1\na b\nv-neck 4\n")
    assert read_names(path) == [("v-neck", 4)]


def test_a_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_names(tmp_path)


def test_a_long_row_is_quoted_short(path):
    write(path, ["".join(random.Random(0).choices("abc", k=500))])
    with pytest.raises(InputError, match=r"line 3: expected a name and its type, got '[abc]{37}\.\.\.'$"):
        read_names(path)


def test_a_name_outside_the_folder_or_of_no_disk_is_named(tmp_path):
    for name in ["/etc/passwd", "../a.jpg", "img/../../a.jpg", "a\0.jpg", "a" * 256, "a/" * 600]:
        path = tmp_path / "table.txt"
        path.write_text(f"1\nimage value\n{name} 1\n")
        with pytest.raises(InputError, match=r"table\.txt, line 3: expected an image's path"):
            read_fields(path, 1, lambda line, fields: fields)
