"""Absolute, monotonic deadlines."""

from __future__ import annotations

import time
from dataclasses import dataclass

# Seconds that a check or another operation waits for a prover process to become free.
QUEUE_S = 600.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in monotonic time, in seconds."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether the deadline lies in the past."""
        return time.monotonic() >= self.at
