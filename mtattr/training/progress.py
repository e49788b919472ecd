"""A progress bar on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

log = logging.getLogger("mtattr")


class Progress:
    """Progress of a run; a context manager.

    Args:
        title: name of the run.
        total: number of steps.
        enabled: True = a bar; False = nothing; None = a bar on a terminal, else one line per epoch
            through the logger "mtattr", which is silent unless logging is configured.
    """

    def __init__(self, title: str, total: int, *, enabled: bool | None = None) -> None:
        self.title, self.total, self.silent = title, total, enabled is False
        self.bar = None
        if sys.stderr.isatty() if enabled is None else enabled:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self.bar = RichProgress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> Progress:
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task(self.title, total=self.total, note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def at(self, step: int) -> None:
        """Show `step` of the total."""
        if self.bar is not None:
            self.bar.update(self.task, completed=step)

    def epoch(self, epoch: int, epochs: int, row: dict[str, float]) -> None:
        """Show the numbers of an epoch that ended."""
        note = " ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "epoch")
        if self.bar is not None:
            self.bar.update(self.task, note=note)
        if not self.silent:
            log.info("%s epoch %d/%d %s", self.title, epoch + 1, epochs, note)
