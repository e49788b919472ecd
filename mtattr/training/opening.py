"""A trained network by itself: opened from its file, without the data that it was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.tasks import TaskSet
from mtattr.training.checkpoint import first_line, load_tensors, save_tensors, with_prefix
from mtattr.training.finished import Run
from mtattr.training.plan import Plan
from mtattr.training.predict import predict
from mtattr.training.recipe import recipe_of
from mtattr.training.spec import RunSpec

_PURPOSE, _CURE = "the weights of a run", "train it anew, or give another file"


@dataclass(frozen=True)
class Opened:
    """A trained network and what its answers mean.

    Args:
        network: in evaluation mode.
        spec: the run that trained it.
        tasks: in the order of its outputs.
        image_size: height and width in pixels that it was trained on.
        facts: numbers of its record, if the file has them.
    """

    network: nn.Module
    spec: RunSpec
    tasks: TaskSet
    image_size: tuple[int, int]
    facts: dict[str, Any]

    def predict(self, images: Tensor) -> Tensor:
        """Probabilities `(N, U)` for uint8 images `(N, 3, H, W)`, which are scaled to its size.

        The sigmoid of a binary task's logit, the softmax over a categorical one's; of a network
        that was trained on square errors they order answers and say no more.
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
            got = f"{images.dtype} {tuple(images.shape)}"
            raise InputError(f"images must be uint8 (N, 3, H, W), got {got}")
        if tuple(images.shape[2:]) != self.image_size:
            scaled = F.interpolate(images.float(), self.image_size, mode="bilinear", antialias=True)
            images = scaled.round().clamp(0, 255).to(torch.uint8)
        logits = predict(self.network, images)
        answers = logits.sigmoid()
        for t in self.tasks.categorical_indices:
            units = self.tasks.slices[t]
            answers[:, units] = logits[:, units].softmax(1)
        return answers


def open_run(place: str | Path) -> Opened:
    """The trained network of a run's folder, of a file, or of a checkpoint of this package.

    Args:
        place: a run's folder, a `.safetensors` file, or a name of `checkpoints()`.

    Raises:
        InputError: there is no such file, or it was not written by this library.
    """
    path = Path(place)
    if str(place) in checkpoints():
        path = _folder() / f"{place}.safetensors"
    elif path.is_dir():
        path = path / "weights.safetensors"
    elif not path.exists():
        known = ", ".join(checkpoints()) or "none"
        raise InputError(
            f"{place}: no such run; expected a run's folder, a .safetensors file or one of: {known}"
        )
    tensors, about = load_tensors(path, purpose=_PURPOSE, cure=_CURE)
    if missing := {"spec", "tasks", "image_size"} - about.keys():
        raise InputError(
            f"{path}: {', '.join(sorted(missing))} missing, so it opens only by its plan "
            f"(Run.network); {_CURE}"
        )
    # A file of weights to begin with has been replaced by what was trained.
    given = {name: value for name, value in about["spec"]["settings"].items() if name != "weights"}
    spec = RunSpec(**about["spec"] | {"settings": given})
    tasks = TaskSet.from_dict(about["tasks"])
    net = recipe_of(spec.paper).network(spec, tasks, about.get("structure"))
    weights = with_prefix(tensors, "selected.")
    try:
        net.load_state_dict({name: _single(value) for name, value in weights.items()})
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit its network ({first_line(error)})") from None
    size = about["image_size"]
    return Opened(net.eval(), spec, tasks, (size[0], size[1]), about.get("facts", {}))


def write_checkpoint(run: Run, plan: Plan, path: Path) -> None:
    """Write the selected weights of a finished run in half precision, for `open_run`."""
    record = run.record
    names = ("learned", "floors", "selection")
    facts = {name: record[name] for name in names} | {"metrics": record["metrics"]["selected"]}
    about = description(run.spec, plan, record.get("structure")) | {"facts": facts}
    weights = {
        f"selected.{name}": value.half() if value.is_floating_point() else value
        for name, value in run.weights().items()
    }
    save_tensors(path, weights, about)


def checkpoints() -> list[str]:
    """Names of the trained networks that this package brings along."""
    return sorted(path.stem for path in _folder().glob("*.safetensors"))


def description(spec: RunSpec, plan: Plan, structure: Any) -> dict[str, Any]:
    """JSON beside a run's weights from which its network can be built again."""
    shape = plan.data["train"].images.shape
    return {
        "spec": spec.to_dict(),
        "tasks": plan.tasks.to_dict(),
        "image_size": [int(side) for side in shape[2:]],
        "structure": structure,
    }


def _folder() -> Path:
    return Path(str(files("mtattr").joinpath("checkpoints")))


def _single(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value
