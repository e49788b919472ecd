"""Check of a document against one of the JSON schemas beside this file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from types import NoneType
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from mtattr.errors import InputError

_NUMBERS = {"type": ["number", "null"]}


def _at_once(keyword: str) -> Any:
    """A check of `keyword` that takes lists and objects of numbers at once, not one by one."""
    one_by_one = Draft202012Validator.VALIDATORS[keyword]

    def check(
        validator: Any, wanted: Any, instance: Any, schema: dict
    ) -> Iterator[ValidationError]:
        if wanted == _NUMBERS and isinstance(instance, list | dict):
            values = instance.values() if isinstance(instance, dict) else instance
            if {type(value) for value in values} <= {int, float, NoneType}:
                return
        yield from one_by_one(validator, wanted, instance, schema)

    return check


# Curves of forty attributes over many epochs are most of a record: five times as fast.
_Validator = extend(
    Draft202012Validator, {name: _at_once(name) for name in ("items", "additionalProperties")}
)


@cache
def _validator(name: str) -> Any:
    text = files("mtattr.evidence").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    return _Validator(json.loads(text))


def check_schema(document: Any, name: str, source: str) -> None:
    """Raise `InputError` unless `document` obeys the schema `name` ("paper" or "record").

    The one line names `source`, the place in the document (`claims[2].kind`) and what was expected.
    """
    error = best_match(_validator(name).iter_errors(document))
    if error is not None:
        raise InputError(f"{source}: {_place(error)}: {_expectation(error)}")


def _place(error: ValidationError) -> str:
    text = ""
    for step in error.absolute_path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "top level"


def _expectation(error: ValidationError) -> str:
    got = json.dumps(error.instance, default=str)
    got = got if len(got) <= 60 else got[:57] + "..."
    wanted = error.validator_value
    match error.validator:
        case "type":
            wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
            return f"expected {wanted}, got {got}"
        case "enum":
            return f"expected one of {', '.join(map(str, wanted))}, got {got}"
        case "const":
            return f"expected {wanted!r}, got {got}"
        case "pattern":
            return f"expected text that matches {wanted}, got {got}"
        case "required":
            missing = [key for key in wanted if key not in error.instance]
            return f"expected the key {missing[0]}, which is missing"
        case "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = [key for key in error.instance if key not in known]
            return f"unknown key {unknown[0]}, expected only {', '.join(known)}"
        case _:
            return "expected another form: " + " ".join(error.message.split())[:200]
