"""Statements put to Lean: one, or many of equal imports in one request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import ValidationError

from aludel.auditing.findings import LIMIT, audit_of, with_own_notation
from aludel.audits import AUDIT_S, Audit, AuditRow
from aludel.deadline import Deadline
from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest
from aludel.jobs import SCREEN_BUDGET, Failure
from aludel.lean_checker.examining import AuditSource, AuditTask, Examination
from aludel.lean_checker.intake import validate_goals
from aludel.models import LeanContext
from aludel.problems import TheoremProblem
from aludel.statements import (
    HasDeclarations,
    UnusableText,
    declared,
    declares_theorem,
    split_header,
)
from aludel.tenants import for_same_tenant

AT_ONCE = 16
"""Statements of one request."""
_DEFAULT = ("Init",)


class Asked(NamedTuple):
    """A statement as Lean is asked about it."""

    text: str
    imports: tuple[str, ...]


def audit(
    source: AuditSource,
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
        budget: heartbeats of each search, in thousands; with 0 nothing is searched.
        wall_s: seconds that it may take.

    Raises:
        InvalidRequest: the text is no statement, or an import does not exist.
        BackendUnavailable: the machine failed.
    """
    try:
        asked = read(statement, imports)
    except HasDeclarations as found:
        return with_own_notation(statement, found.command)
    limits = _Limits(budget, wall_s, Deadline.after(2 * wall_s))
    [examined] = _examined(source, [asked.text], asked.imports, limits)
    return audit_of(asked.text, examined, searched=budget > 0)


def read(statement: str, imports: tuple[str, ...] | None) -> Asked:
    """Return the statement that a text is.

    Raises:
        HasDeclarations: it needs declarations of its own.
        InvalidRequest: it is none, or one that no server needs to see.
    """
    try:
        header = split_header(statement)
        text = header.opened + declared(header.declaration).statement
    except HasDeclarations as error:
        if declares(error.command) and declares_theorem(statement):
            raise
        error.field, error.fix = "statement", "leave it out: a statement stands alone"
        raise InvalidRequest(error.message, field=error.field, fix=error.fix) from error
    except UnusableText as error:
        error.field = "statement"
        error.fix = error.fix or "give `theorem NAME …` without a proof"
        raise
    chosen = imports or header.imports or _DEFAULT
    _ensure_possible(text, chosen)
    return Asked(text, chosen)


def declares(command: str) -> bool:
    """Whether a command declares something: notation, macros, definitions and the like."""
    words = _BREAK.split(command[:200].strip())
    return any(word in _DECLARING for word in words[:4])


_BREAK = re.compile(r"[\s:]+")


_DECLARING = frozenset(
    {
        "notation", "notation3", "infix", "infixl", "infixr", "prefix", "postfix", "macro",
        "macro_rules", "syntax", "declare_syntax_cat", "elab", "elab_rules", "def", "abbrev",
        "instance", "class", "structure", "inductive", "coinductive", "axiom", "opaque",
        "attribute", "alias", "theorem", "lemma",
    }
)  # fmt: skip


def _ensure_possible(text: str, imports: tuple[str, ...]) -> None:
    try:
        validate_goals(GoalRequest(context=LeanContext(imports=imports), statement=text))
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InvalidRequest(message, field="statement", fix="shorten it") from error


class LeanAuditor:
    """Audits statements, as many requests at a time as there are processes. Thread-safe.

    Args:
        source: elaborates and searches.
        size: how many processes it has.
    """

    def __init__(self, source: AuditSource, size: int) -> None:
        self._source = source
        self._size = max(1, size)

    def audit(
        self,
        problems: Sequence[TheoremProblem],
        *,
        budget: int = SCREEN_BUDGET,
        wall_s: float = AUDIT_S,
        total_s: float | None = None,
    ) -> list[AuditRow]:
        """Return what each problem has against it, or the error of what is none, in their order.

        Args:
            problems: the statements.
            budget: heartbeats of each search, in thousands; with 0 nothing is searched.
            wall_s: seconds that one statement may take.
            total_s: seconds after which what is left is undecided.

        Raises:
            BackendUnavailable: the machine failed.
        """
        limits = _Limits(budget, wall_s, None if total_s is None else Deadline.after(total_s))
        found: dict[int, Audit | InvalidRequest] = {}
        asked: dict[int, Asked] = {}
        for index, problem in enumerate(problems):
            try:
                asked[index] = _read_problem(problem)
            except HasDeclarations as error:
                found[index] = with_own_notation(problem.statement, error.command)
            except InvalidRequest as error:
                found[index] = error
        with ThreadPoolExecutor(self._size) as threads:
            ask: Callable[[list[int]], list[Audit | InvalidRequest]] = for_same_tenant(
                lambda part: self._ask([asked[index] for index in part], limits)
            )
            parts = list(_parts(asked))
            for part, answers in zip(parts, threads.map(ask, parts), strict=True):
                found.update(zip(part, answers, strict=True))
        return [_row(problem, n + 1, found[n]) for n, problem in enumerate(problems)]

    def _ask(self, asked: Sequence[Asked], limits: _Limits) -> list[Audit | InvalidRequest]:
        texts = [one.text for one in asked]
        try:
            examined = _examined(self._source, texts, asked[0].imports, limits)
        except InvalidRequest as error:  # an import, which all of them have
            return [error for _ in asked]
        searched = limits.budget > 0
        return [
            audit_of(text, one, searched=searched)
            for text, one in zip(texts, examined, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Limits:
    budget: int
    wall_s: float
    deadline: Deadline | None

    def of(self, count: int) -> float:
        """The seconds that a request about ``count`` statements may take; 0 when none are left."""
        seconds = self.wall_s + count - 1
        return seconds if self.deadline is None else min(seconds, self.deadline.remaining())


def _read_problem(problem: TheoremProblem) -> Asked:
    return read(problem.statement, None if problem.imports == _DEFAULT else problem.imports)


def _parts(asked: dict[int, Asked]) -> Iterator[list[int]]:
    """Yield the places of statements that are asked about together."""
    by_imports: dict[tuple[str, ...], list[int]] = {}
    for index, one in asked.items():
        by_imports.setdefault(one.imports, []).append(index)
    for places in by_imports.values():
        yield from (places[at : at + AT_ONCE] for at in range(0, len(places), AT_ONCE))


def _row(problem: TheoremProblem, line: int, found: Audit | InvalidRequest) -> AuditRow:
    if isinstance(found, Audit):
        return AuditRow(name=problem.name, line=line, audit=found)
    return AuditRow(name=problem.name, line=line, error=Failure.of(found))


def _examined(
    source: AuditSource, texts: Sequence[str], imports: tuple[str, ...], limits: _Limits
) -> list[Examination]:
    """Return what Lean says of statements; what is too much for it is asked about alone again.

    Raises:
        InvalidRequest: an import does not exist.
        BackendUnavailable: the machine failed.
    """
    found: list[Examination] = []
    together = len(texts)
    while left := list(texts[len(found) :]):
        asked = left[:together]
        wall_s = limits.of(len(asked))
        if wall_s <= 0:
            return [*found, *(Examination(error=f"{LIMIT}: no time was left") for _ in left)]
        task = AuditTask(tuple(asked), imports, budget=limits.budget, wall_s=wall_s)
        result = source.audit(task)
        found += result.examinations
        if result.cut is not None and len(asked) == 1:
            found.append(Examination(error=f"{LIMIT}: {result.cut}"))
        together = 1 if result.cut is not None and len(asked) > 1 else len(texts)
    return found
