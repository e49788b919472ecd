import pytest
import torch
from mtattr.errors import InputError
from mtattr.training import RunSpec, checkpoints, fit_or_load, open_run, plan_for, write_checkpoint
from mtattr.training.checkpoint import save_tensors
from safetensors.torch import save_file

SPEC = RunSpec("adaptive_weighting", "basic", "celeba-twin", "smoke", 0, {"epochs": 1})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("home")))
        plan = plan_for(SPEC)
        yield fit_or_load(SPEC, progress=False, device="cpu", precision="32-true"), plan


def test_a_run_opens_without_its_data_and_answers_as_before(trained, monkeypatch):
    run, plan = trained
    images = plan.data["test"].images[:50]
    expected = run.predictions()["test_selected"][:50].sigmoid()
    monkeypatch.setattr("mtattr.adaptive_weighting.recipe.data", None)
    opened = open_run(run.folder)
    torch.testing.assert_close(opened.predict(images), expected)
    assert opened.spec == SPEC
    assert opened.tasks == plan.tasks
    assert opened.image_size == tuple(images.shape[2:])


def test_a_checkpoint_in_half_precision_gives_nearly_the_same_answers(trained, tmp_path):
    run, plan = trained
    images = plan.data["test"].images[:50]
    write_checkpoint(run, plan, tmp_path / "small.safetensors")
    opened = open_run(tmp_path / "small.safetensors")
    assert (opened.predict(images) - open_run(run.folder).predict(images)).abs().max() < 0.01
    assert opened.facts["learned"] == run.record["learned"]
    assert (tmp_path / "small.safetensors").stat().st_size < 0.7 * (run.folder / "weights.safetensors").stat().st_size


def test_larger_pictures_are_scaled_and_other_tensors_refused(trained):
    opened = open_run(trained[0].folder)
    large = torch.full((2, 3, 90, 70), 128, dtype=torch.uint8)
    small = torch.full((2, 3, *opened.image_size), 128, dtype=torch.uint8)
    torch.testing.assert_close(opened.predict(large), opened.predict(small))
    for wrong in (large.float(), large[0], large[:, :1]):
        with pytest.raises(InputError, match="uint8"):
            opened.predict(wrong)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such run"):
        open_run(tmp_path / "none")
    with pytest.raises(InputError, match="no such file"):
        open_run(tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="expected the weights of a run"):
        open_run(tmp_path / "other.safetensors")
    save_tensors(tmp_path / "old.safetensors", {"a": torch.zeros(1)}, {"spec": SPEC.to_dict()})
    with pytest.raises(InputError, match="image_size, tasks missing"):
        open_run(tmp_path / "old.safetensors")


@pytest.mark.parametrize("name", checkpoints())
def test_the_networks_that_come_along_open_and_have_learned(name):
    opened = open_run(name)
    assert opened.facts["learned"]["share"] > 0.4
    answers = opened.predict(torch.zeros(1, 3, *opened.image_size, dtype=torch.uint8))
    assert answers.shape == (1, opened.tasks.num_units)
