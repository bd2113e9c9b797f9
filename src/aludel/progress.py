"""Progress of long runs: drivers report it, the command line draws it, workers record it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Receives the steps of a run, one by one; an exception that it raises ends the run."""

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:
        """Begin a step of ``total`` units (bytes, theorems), None when that is unknown.

        ``done`` of them were finished before, by an earlier part of the same run.
        """
        ...

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Report ``amount`` more units of the current step; ``note`` replaces the one before."""
        ...


class Silent:
    """Draws nothing."""

    def step(self, title: str, total: int | None = None, done: int = 0) -> None:
        """Ignore the step."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Ignore the advance."""


def watched(records: Iterable[T], title: str, total: int | None, progress: Progress) -> Iterator[T]:
    """Yield the records, as one step of a run."""
    progress.step(title, total)
    for record in records:
        yield record
        progress.advance()
