"""`Run`: a finished run, its record, predictions and network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.training.checkpoint import first_line, load_tensors, with_prefix
from mtattr.training.plan import Plan
from mtattr.training.spec import RunSpec

_CURE = "delete the run's folder to train anew"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its record (fields: `mtattr/evidence/record.schema.json`)."""

    spec: RunSpec
    folder: Path
    record: dict[str, Any]

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Test metrics of the `last` and the `selected` epoch."""
        return self.record["metrics"]

    @property
    def history(self) -> list[dict[str, float]]:
        """One row of numbers per epoch."""
        return self.record["history"]

    def predictions(self) -> dict[str, Tensor]:
        """Logits `(N, U)`: `val_last`, `val_selected`, `test_...`; labels `(N, T)`: `val_labels`.

        Raises:
            InputError: the file is not the one that the record describes.
        """
        tensors = self._tensors("predictions.safetensors", "the predictions of a run")
        parts = ("last", "selected", "labels")
        names = {f"{split}_{part}" for split in ("val", "test") for part in parts}
        if missing := names - tensors.keys():
            path = self.folder / "predictions.safetensors"
            raise InputError(f"{path}: {', '.join(sorted(missing))} missing; {_CURE}")
        return tensors

    def _tensors(self, name: str, purpose: str) -> dict[str, Tensor]:
        tensors, about = load_tensors(self.folder / name, purpose=purpose, cure=_CURE)
        if about.get("spec") != self.spec.to_dict():
            raise InputError(
                f"{self.folder / name}: holds {about.get('spec')}, "
                f"expected {self.spec.to_dict()}; {_CURE}"
            )
        return tensors

    def weights(self, *, epoch: str = "selected") -> dict[str, Tensor]:
        """State of the trained network after the `last` or the `selected` epoch.

        Raises:
            InputError: another epoch, or a file that is not the one that the record describes.
        """
        if epoch not in ("last", "selected"):
            raise InputError(f"epoch {epoch!r} is not kept; there are last and selected")
        tensors = self._tensors("weights.safetensors", "the weights of a run")
        return with_prefix(tensors, f"{epoch}.")

    def network(self, plan: Plan, *, epoch: str = "selected") -> nn.Module:
        """The trained network of the `last` or the `selected` epoch, in evaluation mode.

        Args:
            plan: the run's plan, which builds it.
            epoch: "last" or "selected".

        Raises:
            InputError: another epoch, or a file that does not fit the plan.
        """
        weights, structure = self.weights(epoch=epoch), self.record.get("structure")
        net = plan.build() if structure is None else plan.build(structure)
        try:
            net.load_state_dict(weights)
        except RuntimeError as error:
            path = self.folder / "weights.safetensors"
            raise InputError(
                f"{path}: does not fit the network of the plan ({first_line(error)}); {_CURE}"
            ) from None
        return net.eval()
