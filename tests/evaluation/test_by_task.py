import pytest
import torch
from mtattr.evaluation import accuracy_by_task
from mtattr.tasks import Task, TaskSet


def test_accuracy_and_floor_by_hand():
    tasks = TaskSet([Task("hat"), Task("bag"), Task("colour", "categorical", ("red", "green", "blue"))])
    nan = torch.nan
    labels = torch.tensor([[1.0, nan, 0], [1, nan, 2], [0, nan, 0], [1, nan, nan]])
    logits = torch.tensor([[1.0, 1, 3, 0, 0], [-1, 1, 0, 0, 3], [-1, 1, 0, 3, 0], [1, 1, 3, 0, 0]])
    found = accuracy_by_task(logits, labels, tasks)
    assert found["accuracy"] == pytest.approx([3 / 4, nan, 2 / 3], nan_ok=True)
    assert found["floor"] == pytest.approx([3 / 4, nan, 2 / 3], nan_ok=True)
