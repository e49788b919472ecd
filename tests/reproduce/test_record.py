import json

import pytest
from mtattr.reproduce import record

JOB = {"run_id": "r" * 8, "name": "p/build", "parameters": {"seed": 0}, "mtattr": "0"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / record.NOTEBOOK).write_text('{"cells": []}\n')
    record.write_result(tmp_path, JOB, seconds=1.23)
    return tmp_path


def test_what_was_written_is_read(folder):
    result = record.read_result(folder, JOB["run_id"])
    assert (result["seconds"], result["parameters"], result["notebook"]) == (1.2, {"seed": 0}, "p/build")


def test_result_of_another_run_is_none(folder):
    assert record.read_result(folder, "s" * 8) is None


def test_every_way_to_cut_a_file_short_makes_it_undone(folder):
    for name in (record.RESULT, record.NOTEBOOK):
        whole = (folder / name).read_bytes()
        for length in range(len(whole) - 1):
            (folder / name).write_bytes(whole[:length])
            assert record.read_result(folder, JOB["run_id"]) is None, (name, length)
        (folder / name).unlink()
        assert record.read_result(folder, JOB["run_id"]) is None
        (folder / name).write_bytes(whole)
    assert record.read_result(folder, JOB["run_id"]) is not None


def test_other_json_is_undone(folder):
    for text in ("[]", "3", "null", "{}", '{"schema": 2}'):
        (folder / record.RESULT).write_text(text)
        assert record.read_result(folder, JOB["run_id"]) is None, text


def test_another_schema_is_undone(folder):
    result = json.loads((folder / record.RESULT).read_text()) | {"schema": 2}
    (folder / record.RESULT).write_text(json.dumps(result))
    assert record.read_result(folder, JOB["run_id"]) is None
