"""The place in the candidate's text that a refusal points to."""

from __future__ import annotations

from aludel.lean_checker.facts import CheckFacts, DeclarationPlace, StatementFacts, position
from aludel.models import Position

Range = tuple[Position | None, Position | None]


def place_of(facts: CheckFacts, culprit: str | None, *, sorry: bool) -> Range:
    """Where the declaration ``culprit`` stands, or else, for a ``sorry``, what Lean warned of."""
    places: list[DeclarationPlace | StatementFacts] = [*facts.places]
    if facts.statement is not None:
        places.append(facts.statement)
    for place in places:
        if place.name == culprit and place.start is not None:
            return position(place.start), position(place.end)
    for found in facts.diagnostics if sorry else ():
        if found.category == "sorry" and found.start is not None:
            return position(found.start), position(found.end)
    return None, None


def extent(code: str) -> Range:
    """The begin and end of a text, without the white space around it.

    The place of what is not there: a missing declaration; and of an axiom that some declaration of
    the text rests on, when none was asked for.
    """
    lines = code.replace("\r\n", "\n").split("\n")
    filled = [number for number, line in enumerate(lines, 1) if line.strip()]
    if not filled:
        return None, None
    first, last = lines[filled[0] - 1], lines[filled[-1] - 1]
    start = Position(line=filled[0], column=len(first) - len(first.lstrip()))
    return start, Position(line=filled[-1], column=len(last.rstrip()))


def inside(code: str, place: Position) -> bool:
    """Whether ``place`` is a place in ``code``."""
    lines = code.replace("\r\n", "\n").split("\n")
    return 1 <= place.line <= len(lines) and 0 <= place.column <= len(lines[place.line - 1])
