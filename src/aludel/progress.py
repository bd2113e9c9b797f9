"""Progress of long runs: drivers report it, the command line draws it, workers record it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
Told = Callable[[int], object] | bool
"""Who is told how many are judged so far: a function, or True for a line on stderr now and then."""
_QUIET_S = 2.0


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


def teller(told: Told) -> Callable[[int], object]:
    """Return the function that is told how many are judged; False is one that does nothing."""
    if callable(told):
        return told
    return _Teller() if told else lambda _: None


class _Teller:
    """Writes how many are judged on stderr, every two seconds at most."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, count: int) -> None:
        now = time.monotonic()
        if now - self._said >= _QUIET_S:
            self._said = now
            sys.stderr.write(f"aludel: {count:,} judged\n")
