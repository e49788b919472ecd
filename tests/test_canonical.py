import hashlib
import json
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.canonical import canonical_json, sha256_of
from mtattr.errors import InputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value, random):
    if isinstance(value, dict):
        items = [(key, shuffled(item, random)) for key, item in value.items()]
        random.shuffle(items)
        return dict(items)
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


@settings(deadline=None, max_examples=40)
@given(JSON, st.integers(0, 99))
def test_text_reads_back_equal_and_does_not_depend_on_the_order_of_keys(value, seed):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(shuffled(value, random.Random(seed))) == canonical_json(value)
    assert sha256_of(json.loads(canonical_json(value))) == sha256_of(value)


def test_the_form_is_the_documented_one():
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'
    assert sha256_of({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()


def test_what_is_not_finite_becomes_null():
    for bad in (math.nan, math.inf, -math.inf, np.float32("nan"), torch.tensor(math.nan)):
        assert canonical_json({"x": bad, "y": [bad]}) == '{"x":null,"y":[null]}', bad


def test_scalars_and_arrays_of_libraries_become_numbers():
    assert canonical_json([np.int64(3), np.float64(0.5), torch.tensor([1.0, 2.0]), (True,)]) == "[3,0.5,[1.0,2.0],[true]]"


def test_what_json_cannot_hold_is_named():
    with pytest.raises(InputError, match=r"value\.a\.b"):
        canonical_json({"a": {"b": object()}})
    with pytest.raises(InputError, match=r"value\.a"):
        canonical_json({"a": {1: 2}})
