import pytest
import torch
from mtattr.data.image_data import ImageData
from mtattr.tasks import Task, TaskSet
from mtattr.training import FitSettings, RunSpec, baseline_plan, fit_or_load

TASKS = TaskSet([Task("side", "categorical", ("left", "right")), Task("red"), Task("rare")])


def drawn(split, n):
    generator = torch.Generator().manual_seed(sum(map(ord, split)))
    images = torch.randint(0, 80, (n, 3, 16, 12), dtype=torch.uint8, generator=generator)
    side, red = (torch.rand(2, n, generator=generator) < 0.5).float()
    for i in range(n):
        half = slice(6, 12) if side[i] else slice(0, 6)
        images[i, 0 if red[i] else 2, 4:12, half] = 220
    rare = torch.full((n,), torch.nan)
    rare[::7] = 0
    return ImageData(images, torch.stack([side, red, rare], 1), TASKS, tuple(map(str, range(n))), "toy", split)


@pytest.mark.slow
def test_learns_what_can_be_seen_and_its_record_holds_every_task(fresh_home):
    data = {"train": drawn("train", 256), "val": drawn("val", 64), "test": drawn("test", 128)}
    plan = baseline_plan(data, settings=FitSettings(epochs=4, batch_size=32, learning_rate=3e-3), stem_stride=1)
    assert float(plan.task_weights.sum()) == pytest.approx(1)
    run = fit_or_load(RunSpec("toy", "baseline", "toy", "smoke"), plan=plan, precision="32-true", progress=False)
    assert run.metrics["selected"]["mean_accuracy"] > 0.9 > run.record["floors"]["mean_accuracy"]
    assert len(run.record["task_metrics"]["accuracy"]) == len(TASKS)
