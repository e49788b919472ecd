"""Real kernels: what a notebook process leaves behind when it ends well, fails, or its kernel dies."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import mtattr
import pytest
from mtattr.files import locked
from mtattr.reproduce import Project, expand, pair_problems, record, reproduce


def run_one(project: Project, output: Path, **asked):
    (outcome,) = reproduce(expand(project, **asked), output=output, say=lambda _: None)
    return outcome


def texts(notebook: Path) -> str:
    """Everything that the notebook printed."""
    outputs = [output for cell in json.loads(notebook.read_text())["cells"] for output in cell.get("outputs", ())]
    return "".join("".join(output["text"]) for output in outputs)


def test_parameters_arrive_with_their_types_and_here_is_the_notebook(make_project, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    project = make_project(
        build="print(repr(seed), repr(scale), repr(root))\n----\nfrom pathlib import Path\nprint(Path('build.py').exists())\n----\n"
        "import os\nprint(os.environ['OMP_WAIT_POLICY'])"
    )
    outcome = run_one(project, tmp_path / "out", seeds=[7], scale="reduced")
    assert outcome.ok, outcome.error
    assert texts(outcome.notebook) == "7 'reduced' None\nTrue\nPASSIVE\n"
    assert not (outcome.folder / record.PARTIAL).exists()
    default = run_one(project, tmp_path / "out")
    assert pair_problems(project.source("attribute_estimation/build"), default.notebook) == []


@pytest.mark.slow
def test_a_failing_cell_and_a_dead_kernel_are_failures(make_project, tmp_path):
    error = run_one(make_project(build="1\n----\nraise ValueError('two\\nlines')\n----\n3"), tmp_path / "out")
    assert (error.ok, error.error) == (False, "cell [3]: ValueError: two lines")
    dead = run_one(make_project(build="import os\nos._exit(0)"), tmp_path / "out")
    assert not dead.ok
    assert "Kernel died" in dead.error
    for outcome in (error, dead):
        assert record.read_result(outcome.folder, outcome.run.run_id) is None
        assert not outcome.notebook.exists()


@pytest.mark.slow
def test_only_a_kernel_that_does_not_start_is_tried_again(make_project, tmp_path, monkeypatch):
    fake = tmp_path / "fake" / "ipykernel_launcher.py"
    fake.parent.mkdir()
    starts = tmp_path / "starts"
    fake.write_text(
        f"with open({str(starts)!r}, 'a') as file:\n    file.write('x')\n"
        f"import sys\nif len(open({str(starts)!r}).read()) < 2:\n    sys.exit(1)\n"
        "from ipykernel import kernelapp\nkernelapp.launch_new_instance()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(fake.parent))
    outcome = run_one(make_project(build="print('ran')"), tmp_path / "out")
    assert outcome.ok, outcome.error
    assert starts.read_text() == "xx"
    starts.unlink()
    assert not run_one(make_project(build="import os\nos._exit(1)"), tmp_path / "out").ok
    assert starts.read_text() == "xx", "a kernel that died in a cell was started again"


SLOW_SUM = """
import hashlib, time
state = str(seed)
for _ in range(10):
    time.sleep(0.05)
    state = hashlib.sha256(state.encode()).hexdigest()
print(state)
"""


def start(project: Project, output: Path) -> subprocess.Popen:
    """`mtattr reproduce` in a process group of its own."""
    command = [sys.executable, "-m", "mtattr.cli", "reproduce", "--project", str(project.root), "--output", str(output), "--jobs", "1"]
    environment = os.environ | {"PYTHONPATH": str(Path(mtattr.__file__).parents[1])}
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def finished(output: Path) -> dict[str, bytes]:
    """The executed notebook of every run whose result says it is done, by name; a result that lies fails."""
    found = {}
    for path in output.glob("*/result.json"):
        result = record.read_result(path.parent, json.loads(path.read_text())["run_id"])
        assert result is not None, f"{path} exists beside a notebook that is not whole"
        found[result["notebook"]] = (path.parent / record.NOTEBOOK).read_bytes()
    return found


@pytest.mark.slow
def test_killed_three_times_it_ends_as_if_undisturbed(make_project, tmp_path):
    project = make_project(build=SLOW_SUM, train=SLOW_SUM + "\nprint(dataset)")
    began = time.monotonic()
    undisturbed = start(project, tmp_path / "calm")
    said, _ = undisturbed.communicate(timeout=250)
    whole = time.monotonic() - began
    assert undisturbed.returncode == 0, said
    expected = finished(tmp_path / "calm")
    assert len(expected) == 2

    moments = sorted(random.uniform(0.15, 0.9) for _ in range(3))
    for moment in moments:
        process = start(project, tmp_path / "stormy")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment * whole)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert finished(tmp_path / "stormy").items() <= expected.items(), moments
    process = start(project, tmp_path / "stormy")
    said, _ = process.communicate(timeout=250)
    assert process.returncode == 0, said
    assert finished(tmp_path / "stormy") == expected, moments


@pytest.mark.slow
def test_nothing_runs_on_after_the_runner(make_project, tmp_path):
    beats = tmp_path / "beats"
    loop = f"for _ in range(30000):\n    with open({str(beats)!r}, 'a') as file:\n        file.write('x')\n    time.sleep(0.01)"
    process = start(make_project(build=f"import time\n{loop}"), tmp_path / "out")
    deadline = time.monotonic() + 100
    while not beats.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert beats.exists()
    os.kill(process.pid, signal.SIGKILL)  # the runner alone: neither its child nor the kernel is told
    process.communicate(timeout=60)
    (folder,) = (tmp_path / "out").iterdir()
    with locked(folder / ".lock"):  # free when the child has noticed; the kernel follows
        counts = [beats.stat().st_size]
        while len(counts) < 60 and counts[-3:] != [counts[-1]] * 3:
            time.sleep(1)
            counts.append(beats.stat().st_size)
        assert counts[-3:] == [counts[-1]] * 3, "the kernel still runs"
