"""Progress bars on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")


class Lines:
    """Writes one line per step on stderr, for commands whose steps are rare."""

    def step(self, title: str, total: int | None = None) -> None:
        """Say which step begins."""
        parts = "" if total is None else f", {total} parts"
        click.echo(f"{title} (once{parts}) ...", err=True)

    def advance(self, amount: int) -> None:
        """Say nothing: a line cannot grow."""


class Bars:
    """Draws one bar per step (see :class:`aludel.lean_checker.progress.Progress`)."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._task: TaskID | None = None

    def step(self, title: str, total: int | None = None) -> None:
        """Finish the last step and begin the next."""
        self.finish()
        self._task = self._display.add_task(title, total=total)

    def advance(self, amount: int) -> None:
        """Advance the current step."""
        if self._task is not None:
            self._display.advance(self._task, amount)

    def finish(self) -> None:
        """Show the current step as done."""
        if self._task is not None:
            task = self._display.tasks[self._task]
            total = task.total if task.total is not None else 1
            self._display.update(self._task, total=total, completed=total)
            self._display.stop_task(self._task)


@contextlib.contextmanager
def bars(console: Console) -> Iterator[Bars]:
    """Show bars while the block runs."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as display:
        shown = Bars(display)
        yield shown
        shown.finish()


def watched(records: Iterable[T], what: str, total: int | None) -> Generator[T, None, None]:
    """Yield the records while a bar shows how far they are."""
    display = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with display:
        yield from display.track(records, total=total)
