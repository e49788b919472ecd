"""Check a document against one of the JSON schemas beside this file."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from mtattr.errors import InputError


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads(
        files("mtattr.evidence").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    )
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_schema(document: Any, name: str, source: str) -> None:
    """Raise `InputError` unless `document` obeys the schema `name` ("paper" or "record").

    The one line names `source`, the place in the document (`claims[2].kind`) and what was expected there.
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
    match error.validator:
        case "type":
            wanted = error.validator_value
            return (
                f"expected {wanted if isinstance(wanted, str) else ' or '.join(wanted)}, got {got}"
            )
        case "enum":
            return f"expected one of {', '.join(map(str, error.validator_value))}, got {got}"
        case "const":
            return f"expected {error.validator_value!r}, got {got}"
        case "pattern":
            return f"expected text that matches {error.validator_value}, got {got}"
        case "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            return f"expected the key {missing[0]}, which is missing"
        case "additionalProperties":
            known = error.schema.get("properties", {})
            unknown = [key for key in error.instance if key not in known]
            return f"unknown key {unknown[0]}, expected only {', '.join(known)}"
        case _:
            return "expected another form: " + " ".join(error.message.split())[:200]
