"""Progress on stderr: :class:`aludel.progress.Progress` as lines, or as bars."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Lines:
    """Writes one line per step on stderr, for commands whose steps are rare."""

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:  # noqa: ARG002
        """Say which step begins."""
        parts = "" if total is None else f", {total} parts"
        click.echo(f"{title} (once{parts}) ...", err=True)

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say nothing: a line cannot grow."""


class Bars:
    """Draws one bar per step, which is left as it stands when its step is complete.

    Between steps nothing is drawn, so that other programs may write.

    Args:
        console: where.
        counts: whether to show how many units are done, and what is left; else the time taken.
    """

    def __init__(self, console: Console, *, counts: bool) -> None:
        self._console = console
        self._counts = counts
        self._display: Progress | None = None

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:
        """Finish the last step and begin the next."""
        self.finish()
        display = Progress(*_columns(self._counts), console=self._console)
        display.add_task(title, total=total, completed=done, note="")
        display.start()
        self._display = display

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Advance the current step."""
        if self._display is not None:
            [task] = self._display.tasks
            self._display.update(task.id, advance=amount, note=note or task.fields["note"])
            if task.finished:
                self.stop()

    def finish(self) -> None:
        """Show the current step as done."""
        if self._display is not None:
            [task] = self._display.tasks
            total = task.total if task.total is not None else max(1, task.completed)
            self._display.update(task.id, total=total, completed=total)
            self.stop()

    def stop(self) -> None:
        """Leave the current step as it stands."""
        if self._display is not None:
            self._display.stop()
            self._display = None


def _columns(counts: bool) -> tuple[ProgressColumn, ...]:
    head: tuple[ProgressColumn, ...] = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
    )
    if not counts:
        return *head, TimeElapsedColumn()
    return *head, MofNCompleteColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn()


@contextlib.contextmanager
def bars(console: Console | None = None, *, counts: bool = True) -> Iterator[Bars]:
    """Draw bars, on stderr by default, while the block runs."""
    shown = Bars(console or Console(stderr=True), counts=counts)
    try:
        yield shown
        shown.finish()
    finally:
        shown.stop()
