"""Goals that a candidate leaves open, as diagnostics of its verdict."""

from __future__ import annotations

from aludel.models import Diagnostic, Position, Severity

_SAID = "`sorry` stands for the proof of:\n"


def open_goal(goal: str, start: Position | None, end: Position | None) -> Diagnostic:
    """Return the diagnostic that shows the goal of a ``sorry`` at its place.

    Args:
        goal: as Lean prints it; empty when it could not be shown.
        start: where the ``sorry`` begins.
        end: where it ends.
    """
    return Diagnostic(severity=Severity.INFO, message=_SAID + goal, start=start, end=end)


def goal_of(diagnostic: Diagnostic) -> str | None:
    """Return the goal that a diagnostic shows, or None for one that shows none."""
    if diagnostic.severity is Severity.INFO and diagnostic.message.startswith(_SAID):
        return diagnostic.message.removeprefix(_SAID)
    return None
