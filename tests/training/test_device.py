import torch
from mtattr.training import fit_or_load
from mtattr.training.device import open_fabric

from cases import assert_refused
from training import toy


def test_devices_and_precisions_that_cannot_be_are_one_line_and_nothing_is_written(fresh_home, monkeypatch):
    for name in ("MASTER_ADDR", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for wrong, message in (
        ({"device": "mps"}, "device 'mps' has no float64, which training needs; take --device cpu"),
        ({"device": "cuda"}, "torch sees none; take --device auto or cpu"),
        ({"device": "tpu"}, "device 'tpu' is unknown; there are auto, cpu, cuda"),
        ({"devices": 0}, "devices"),
        ({"devices": "x"}, "devices"),
        ({"num_nodes": 2}, "MASTER_ADDR is not set"),
        ({"precision": "half"}, "precision 'half' is unknown"),
    ):
        assert_refused(message, fit_or_load, toy.toy_spec(), plan=toy.toy_plan(), **wrong)
    assert_refused("RunSpec", fit_or_load, "PM")
    assert not fresh_home.exists()


def test_auto_is_cuda_or_the_cpu_and_never_another_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert open_fabric(device="auto").device.type == "cpu"
