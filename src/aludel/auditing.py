"""Audits with Lean: the searches by which mutations are filtered, put to any statement."""

from __future__ import annotations

import re
from dataclasses import replace

from pydantic import ValidationError

from aludel.audits import Answer, Audit, Finding
from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest
from aludel.jobs import SCREEN_BUDGET
from aludel.lean_checker.intake import validate_goals
from aludel.lean_checker.operations import MutantSource, Screening, ScreenItem, ScreenTask
from aludel.lean_checker.process import ProcessDied
from aludel.lean_text import pieces, significant
from aludel.models import LeanContext
from aludel.protocols import Exhausted
from aludel.statements import UnusableText, declared, split_header

_NO, _UNDECIDED = Finding(answer=Answer.NO), Finding(answer=Answer.UNDECIDED)
_STRICT = "set_option autoImplicit false"
_UNKNOWN = re.compile(r"[Uu]nknown (?:identifier|constant|universe level) [`'‘“]([^`'’”]+)[`'’”]")
_LIMITS = ("(deterministic) timeout", "maximum recursion depth", "it declares no theorem")
"""How Lean, or our server, begins to say that it cannot say whether a statement is one."""


def audit(
    source: MutantSource,
    statement: str,
    imports: tuple[str, ...] | None = None,
    *,
    budget: int = SCREEN_BUDGET,
    wall_s: float = 120.0,
) -> Audit:
    """Look for what one statement has against it.

    Args:
        source: elaborates and searches.
        statement: ``theorem NAME …``; lines before it that end in ``in``, and an open end, may
            stand there.
        imports: the import set; None takes those of the statement's own header, else ``Init``.
        budget: heartbeats of each search, in thousands.
        wall_s: seconds that each of at most three questions to Lean may take.

    Raises:
        InvalidRequest: the text is no statement, or an import does not exist.
        BackendUnavailable: the machine failed.
    """
    name, text, header_imports = _read(statement)
    task = ScreenTask(
        (ScreenItem(text, name, "sorry"),),
        imports or header_imports or ("Init",),
        budget=budget,
        wall_s=wall_s,
    )
    _ensure_possible(text, task.imports)
    found = _screening(source, task)
    return Audit(
        statement=text,
        elaborates=_elaborates(found),
        holds_sorry=_holds_sorry(text),
        auto_bound=_auto_bound(source, task, found),
        vacuous=_searched(found, found.vacuous, "exfalso"),
        trivial=_searched(found, found.trivial),
        unused_hypotheses=_unused(source, task, found),
    )


def _read(statement: str) -> tuple[str, str, tuple[str, ...]]:
    try:
        header = split_header(statement)
        name, text = declared(header.declaration)
    except UnusableText as error:
        error.field = "statement"
        error.fix = error.fix or "give `theorem NAME …` without a proof"
        raise
    return name, header.opened + text, header.imports


def _ensure_possible(text: str, imports: tuple[str, ...]) -> None:
    try:
        validate_goals(GoalRequest(context=LeanContext(imports=imports), statement=text))
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InvalidRequest(message, field="statement", fix="shorten it") from error


def _screening(source: MutantSource, task: ScreenTask) -> Screening:
    """What was found about the one statement of a task; what exhausts the prover is an error."""
    try:
        result = source.screen(task)
    except ProcessDied as death:
        if death.defective:
            raise
        return Screening(error=f"{_LIMITS[0]}: {death.message}")
    if isinstance(result, Exhausted):
        return Screening(error=f"{_LIMITS[0]}: {result.message}")
    return result.screenings[0]


def _elaborates(found: Screening) -> Finding:
    if found.error is None:
        return Finding(answer=Answer.YES)
    limited = any(limit in found.error for limit in _LIMITS)
    return Finding(answer=Answer.UNDECIDED if limited else Answer.NO, by=(found.error,))


def _holds_sorry(text: str) -> Finding:
    words = {piece.text for piece in significant(pieces(text))}
    held = tuple(word for word in ("sorry", "admit") if word in words)
    return Finding(answer=Answer.YES, by=held) if held else _NO


def _auto_bound(source: MutantSource, task: ScreenTask, found: Screening) -> Finding:
    """Whether the statement elaborates because Lean binds names itself."""
    if found.error is not None:
        return _UNDECIDED
    strict = _screening(source, replace(task, preamble=_STRICT, budget=0))
    if strict.error is None:
        return _NO
    unknown = _UNKNOWN.search(strict.error)
    return Finding(answer=Answer.YES, by=(unknown[1],)) if unknown else _UNDECIDED


def _searched(found: Screening, tactic: str | None, among: str = "") -> Finding:
    """The outcome of a search for a tactic; ``among`` stands in all that it tried."""
    if tactic is not None:
        return Finding(answer=Answer.YES, by=(tactic,))
    ran_out = tuple(one for one in found.exhausted if ("exfalso" in one) == bool(among))
    return Finding(answer=Answer.UNDECIDED, by=ran_out) if found.error or ran_out else _NO


def _unused(source: MutantSource, task: ScreenTask, found: Screening) -> Finding:
    if found.error is not None:
        return _UNDECIDED
    if not found.unused:
        return _NO  # the statement itself mentions each of them
    if found.trivial is None:
        return _UNDECIDED
    proved = replace(task.items[0], proof=f"by intros; {found.trivial}")
    seen = _screening(source, replace(task, items=(proved,), budget=1))
    if seen.error is not None:
        return _UNDECIDED
    return Finding(answer=Answer.YES, by=seen.unused) if seen.unused else _NO
