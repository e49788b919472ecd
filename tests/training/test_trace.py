import math

import torch
from mtattr.training.trace import Trace


def test_means_leave_unknown_values_out_and_start_anew():
    trace = Trace()
    for weight, change in ((1.0, math.nan), (2.0, 4.0), (6.0, 8.0)):
        trace.add({"weight": torch.tensor([weight, 1.0]), "change": torch.tensor([change, math.nan])})
    means = trace.end_epoch()
    assert means["weight"] == [3.0, 1.0]
    assert means["change"][0] == 6.0
    assert math.isnan(means["change"][1])
    assert trace.end_epoch() == {}


def test_its_state_carries_an_epoch_over_an_interruption():
    whole, first, second = Trace(), Trace(), Trace()
    values = [{"weight": torch.tensor([float(i), math.nan if i % 2 else 1.0])} for i in range(5)]
    for i, value in enumerate(values):
        whole.add(value)
        if i < 3:
            first.add(value)
    second.load_state_dict(first.state_dict(), "cpu")
    for value in values[3:]:
        second.add(value)
    assert second.end_epoch() == whole.end_epoch()
