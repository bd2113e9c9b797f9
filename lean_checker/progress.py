"""How long steps report that they advance."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the steps of an installation; the command line draws bars from it."""

    def step(self, title: str, total: int | None = None) -> None:
        """Begin a step of ``total`` units (bytes, modules), None when that is unknown."""
        ...

    def advance(self, amount: int) -> None:
        """Report ``amount`` more units of the current step."""
        ...


class Silent:
    """Draws nothing."""

    def step(self, title: str, total: int | None = None) -> None:
        """Ignore the step."""

    def advance(self, amount: int) -> None:
        """Ignore the advance."""
