import pytest
import torch
from mtattr.errors import InputError
from mtattr.evaluation.predictions import predict, probabilities
from mtattr.tasks import Task, TaskSet

TASKS = TaskSet([Task("a"), Task("class", "categorical", ("x", "y", "z")), Task("b")])


def test_answers_by_hand():
    logits = torch.tensor([[0.1, 1.0, 3.0, 2.0, -0.1], [0.0, 5.0, 3.0, 2.0, 7.0]])
    assert predict(logits, TASKS).tolist() == [[1, 1, 0], [0, 0, 1]]


def test_thresholds_are_on_the_probability_scale_and_must_be_exceeded():
    logits = torch.tensor([[0.0, 0, 0, 1, 0.0]])
    assert predict(logits, TASKS, thresholds=torch.tensor([0.5, 0.49])).tolist() == [[0, 2, 1]]


def test_one_half_as_threshold_equals_logit_zero():
    logits = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    assert predict(logits, TASKS, thresholds=torch.full((2,), 0.5)).equal(predict(logits, TASKS))


def test_a_nan_unit_makes_only_its_own_task_nan():
    logits = torch.tensor([[torch.nan, 0, 0, 0, 1.0], [1.0, 0, torch.nan, 0, 1.0]])
    assert predict(logits, TASKS).isnan().tolist() == [[True, False, False], [False, True, False]]


def test_half_precision_units_give_float32_probabilities_of_binary_tasks_in_order():
    logits = torch.tensor([[2.0, 9, 9, 9, -3.0]], dtype=torch.bfloat16)
    torch.testing.assert_close(probabilities(logits, TASKS), torch.tensor([[2.0, -3.0]]).sigmoid())


def test_wrong_number_of_thresholds():
    with pytest.raises(InputError, match=r"\(2,\)"):
        predict(torch.zeros(1, 5), TASKS, thresholds=torch.zeros(3))
