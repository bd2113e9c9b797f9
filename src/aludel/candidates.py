"""Texts of candidates: whatever a model writes is judged, never an error of its request."""

from __future__ import annotations

import re
from typing import NamedTuple

from aludel.models import UNREADABLE, RejectReason

MAX_LINES = 10_000
MAX_NESTING = 2_000
_OPENING = "([{⟨⟦⌊⌈‹"
_CLOSING = ")]}⟩⟧⌋⌉›"
_BRACKETS = re.compile(f"[{re.escape(_OPENING + _CLOSING)}]")


class Unfit(NamedTuple):
    """Why a text is rejected before a prover sees it."""

    reason: RejectReason
    message: str


def unfit(code: str, max_bytes: int) -> Unfit | None:
    """Return why no prover is given ``code``, or None for a text that one can be given.

    Args:
        code: the candidate's text.
        max_bytes: its largest size in UTF-8.
    """
    size = len(code.encode())
    if size > max_bytes:
        return Unfit(RejectReason.TOO_LARGE, f"{size} bytes, more than the {max_bytes} allowed")
    if not code.strip():
        return Unfit(RejectReason.PARSE, "the text is empty")
    if UNREADABLE in code:
        place = f"character {code.index(UNREADABLE)}"
        return Unfit(RejectReason.PARSE, f"{place} is none of Unicode's, or NUL")
    lines = code.count("\n") + 1
    if lines > MAX_LINES:
        return Unfit(RejectReason.TOO_LARGE, f"{lines} lines, more than the {MAX_LINES} allowed")
    if nesting(code) > MAX_NESTING:
        message = f"brackets nested more than {MAX_NESTING} deep"
        return Unfit(RejectReason.TOO_DEEP, message)
    return None


def nesting(text: str) -> int:
    """Return how deep brackets nest in ``text``, those of comments and strings included."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        if bracket in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif depth:
            depth -= 1
    return deepest
