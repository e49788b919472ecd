from __future__ import annotations

import copy

import pytest
from mtattr.evidence import seal

TEMPLATE = {
    "schema": 1,
    "spec": {"paper": "attribute_estimation", "variant": "PM", "dataset": "digits", "scale": "reduced", "seed": 0, "settings": {}},
    "metrics": {"last": {"class_accuracy": 0.5}, "selected": {"class_accuracy": 0.5}},
    "validation": {"last": {}, "selected": {}},
    "selection": {"rule": "best class accuracy on validation", "epoch": 2, "epochs": 3},
    "history": [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}],
    "task_metrics": {"accuracy": [0.5, 0.75]},
    "tasks": ["class", "closed loop"],
    "floors": {"class_accuracy": 0.1},
    "data": {
        "fingerprint": "f" * 64,
        "source": "scikit-learn",
        "generated": False,
        "splits": {"train": 100, "val": 20, "test": 30},
        "image_size": 32,
    },
    "code": {"commit": "a" * 40, "dirty": False, "digest": "d" * 64, "claims_sha256": "c" * 64},
    "environment": {
        "python": "3.11.0",
        "mtattr": "0.1.0",
        "torch": "2.8.0",
        "cuda": None,
        "device": "cpu",
        "threads": 2,
        "precision": "32-true",
        "deterministic": True,
    },
    "cost": {"seconds": 3.0, "train_seconds": 2.0, "images_per_second": 100.0, "peak_memory_mb": 50.0, "parameters": 1000},
}


LEARNED = {"metric": "class_accuracy", "score": 0.7, "floor": 0.1, "ceiling": 1.0, "share": 0.9, "tasks": 40, "tasks_above_floor": 30}


def fabricate(value=None, *, metric="class_accuracy", sealed=True, edition=None, learned=None, **changes):
    """A record as training would leave it; `changes` are given as section__field=value.

    From edition 2 on it says what was learned: well, apart from what `learned` changes.
    """
    record = copy.deepcopy(TEMPLATE)
    if edition is not None:
        record |= {"edition": edition, "learned": LEARNED | (learned or {})}
    if value is not None:
        for epoch in ("last", "selected"):
            record["metrics"][epoch][metric] = value
    for key, new in changes.items():
        section, field = key.split("__")
        record[section][field] = new
    return seal(record) if sealed else record


@pytest.fixture(scope="session")
def make_record():
    return fabricate


@pytest.fixture(scope="session")
def make_runs():
    def runs(variant, values, *, first_seed=0, **changes):
        return [fabricate(v, spec__variant=variant, spec__seed=first_seed + i, **changes) for i, v in enumerate(values)]

    return runs
