import platform

import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import cpu, fit_or_load

from training import toy

XEON = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 207
model name\t: Intel(R) Xeon(R) Processor
stepping\t: 2

processor\t: 1
model name\t: another
"""


def test_a_model_is_named_with_the_numbers_that_linux_tells():
    assert cpu.cpu_of(XEON) == "Intel(R) Xeon(R) Processor (family 6, model 207, stepping 2)"
    assert cpu.cpu_of("model name\t: Some ARM: v8\n") == "Some ARM: v8"
    assert cpu.cpu_of("processor\t: 0\nCPU part\t: 0xd0c\n") is None


def test_without_the_file_of_linux_the_platform_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_LINUX", tmp_path / "absent")
    monkeypatch.setattr(cpu, "_MAC", ("printf", "Apple M9\\n"))
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert cpu.cpu_model.__wrapped__() == "Apple M9"
    monkeypatch.setattr(cpu, "_MAC", ("no-such-program",))
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert cpu.cpu_model.__wrapped__() == "riscv64"


def test_a_run_with_another_number_of_threads_is_another_run_and_its_record_says_so(fresh_home):
    def fitted(**threads):
        return fit_or_load(toy.toy_spec(), plan=toy.toy_plan(epochs=1), device="cpu", precision="32-true", progress=False, **threads)

    before = torch.get_num_threads()
    two, ours = fitted(threads=2), fitted()
    assert torch.get_num_threads() == before
    assert two.folder != ours.folder
    assert [run.record["environment"]["threads"] for run in (two, ours)] == [2, before]
    assert ours.record["environment"]["cpu"] == cpu.cpu_model()
    assert fitted(threads=before).folder == ours.folder


def test_the_number_of_threads_is_restored_after_an_error_and_zero_is_refused():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), cpu.threads(before + 1):
        raise KeyError
    with pytest.raises(InputError, match="threads must be a whole number of at least 1"), cpu.threads(0):
        pass
    assert torch.get_num_threads() == before
