"""Outcomes as JSON objects, the same on the command line and over HTTP."""

from .api import Outcome
from .compare import Comparison, way_out
from .names import show

MAX_TEXT = 2_000
"""Characters of one text that are shown; names of an export can be as long as the export."""


def outcome_object(outcome: Outcome) -> dict[str, object]:
    """An outcome for machines."""
    return {
        "verdict": outcome.verdict,
        "rule": outcome.rule,
        "message": printable(outcome.message),
        "declarations": outcome.declarations,
        "steps": outcome.steps,
        "axioms": [printable(show(n)) for n in outcome.axioms],
    }


def comparison_object(found: Comparison) -> dict[str, object]:
    """A comparison for machines."""
    theorems = [{"name": printable(show(n)), **_with_fix(found, o)} for n, o in found.theorems]
    return {**_with_fix(found, found.outcome), "failed": found.failed, "theorems": theorems}


def _with_fix(found: Comparison, outcome: Outcome) -> dict[str, object]:
    return {**outcome_object(outcome), "fix": way_out(found, outcome)}


def printable(text: str) -> str:
    """A text in one line that leaves a terminal as it is, cut where it is too long."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
