"""The Lean server's operations besides ``check``, typed (see the protocol's reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import BackendCrashed, BackendUnavailable
from aludel.goals import Goal, Hypothesis
from aludel.lean_checker.answers import (
    FailedTactic,
    LibraryTheorem,
    Match,
    Mutant,
    PrintedTheorem,
    Screening,
    TacticState,
    Tally,
    parse_answer,
)
from aludel.lean_checker.examining import AuditResult, AuditTask, Examination
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.intake import validate_imports
from aludel.lean_checker.limits import LimitReached, limits_as_values
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import ProcessDied, Reply
from aludel.models import Toolchain, Usage
from aludel.protocols import Exhausted

LIST_S = 120.0
INDEX_S = 600.0
_OWN_END = 0.9
"""The share of its time after which a mutation ends itself: the index stays for the next one."""


@dataclass(frozen=True)
class MutationTask:
    """One theorem to make new ones from.

    Attributes:
        target: name of a theorem of the import set or the preamble.
        imports: the import set.
        lemmas: names of lemmas to use; ``None`` retrieves them by the index.
        limit: mutants after which to stop.
        max_attempts: attempts after which to stop.
        seed: decides the order of the attempts.
        wall_s: seconds after which the process is killed.
        preamble: declarations that are elaborated first.
        rules: operations to use.
        conditional: whether a rewrite may leave side goals, which become hypotheses.
        proofs: scripts to read, or the terms that the steps built.
    """

    target: str
    imports: tuple[str, ...]
    lemmas: tuple[str, ...] | None
    limit: int
    max_attempts: int
    seed: int
    wall_s: float
    preamble: str = ""
    rules: tuple[str, ...] = ("rw",)
    conditional: bool = False
    proofs: Literal["script", "term"] = "script"

    def body(self) -> dict[str, Any]:
        """Return the fields of the request ``mutate``."""
        body: dict[str, Any] = {
            "imports": list(self.imports),
            "target": self.target,
            "preamble": self.preamble,
            "rules": list(self.rules),
            "conditional": self.conditional,
            "output": f"{self.proofs}s",
            "limit": self.limit,
            "max_attempts": self.max_attempts,
            "seed": self.seed,
        }
        return body if self.lemmas is None else {**body, "lemmas": list(self.lemmas)}


@dataclass(frozen=True)
class MatchResult:
    """Every step that one target allows, and what finding them cost."""

    matches: tuple[Match, ...]
    tally: Tally
    usage: Usage


@dataclass(frozen=True)
class MutationResult:
    """The mutants of one target, and their cost."""

    mutants: tuple[Mutant, ...]
    tally: Tally
    usage: Usage


@dataclass(frozen=True)
class ScreenItem:
    """A statement to screen.

    Attributes:
        statement: the header of a declaration.
        name: the name it declares; needed with a proof.
        proof: what stands after ``:=``; None screens the statement alone.
    """

    statement: str
    name: str = ""
    proof: str | None = None


@dataclass(frozen=True)
class ScreenTask:
    """Statements made from one theorem.

    Attributes:
        items: the statements; answers come in their order.
        imports: the import set.
        target: the theorem they were made from, of the import set or the preamble.
        preamble: declarations that are elaborated first.
        budget: heartbeats of each search, in thousands.
        wall_s: seconds after which the process is killed.
    """

    items: tuple[ScreenItem, ...]
    imports: tuple[str, ...]
    target: str | None = None
    preamble: str = ""
    budget: int = 5_000
    wall_s: float = 120.0


@dataclass(frozen=True)
class ScreenResult:
    """One answer for each statement of the task, and what they cost."""

    screenings: tuple[Screening, ...]
    usage: Usage


class MutantSource(Protocol):
    """The source of theorems and mutants: a Lean server, or a test's fake."""

    def theorem_names(self, imports: tuple[str, ...], modules: tuple[str, ...] = ()) -> list[str]:
        """Return the names of an import set's theorems, or of some of its modules', sorted."""
        ...

    def mutate(self, task: MutationTask) -> MutationResult | Exhausted:
        """Rewrite one theorem."""
        ...

    def screen(self, task: ScreenTask) -> ScreenResult | Exhausted:
        """Ask which statements are trivial, vacuous and the like."""
        ...


class LeanOperations:
    """Calls the operations on the processes of a pool; a :class:`MutantSource`. Thread-safe.

    What takes more time or memory than it may returns :class:`Exhausted`.
    """

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain whose server answers."""
        return self._pool.toolchain

    def theorems(
        self,
        imports: tuple[str, ...],
        *,
        names: tuple[str, ...] | None = None,
        statements: bool = False,
    ) -> list[LibraryTheorem]:
        """List theorems of an import set in the order of their names.

        Args:
            imports: the import set.
            names: only these; unknown ones are left out.
            statements: print each statement (about 1 ms a theorem).

        Raises:
            InvalidRequest: an import does not exist.
            BackendUnavailable: the machine failed.
        """
        body: dict[str, Any] = {"imports": list(imports), "statements": statements}
        if names is not None:
            body["names"] = list(names)
        try:
            items, _ = self._stream("constants", body, imports, LIST_S)
        except LimitReached as reached:  # by no candidate: the machine is too slow or too small
            message = f"the theorems were not listed: {reached.message}"
            raise BackendUnavailable(message) from reached
        return [parse_answer(LibraryTheorem, item) for item in items]

    def theorem_names(self, imports: tuple[str, ...], modules: tuple[str, ...] = ()) -> list[str]:
        """Return the names of an import set's theorems, or of some of its modules', sorted.

        Raises as :meth:`theorems`.
        """
        found = self.theorems(imports)
        return [theorem.name for theorem in found if not modules or theorem.module in modules]

    @limits_as_values
    def restate(self, names: tuple[str, ...], imports: tuple[str, ...]) -> list[PrintedTheorem]:
        """Print theorems so that each elaborates back, or say why that cannot be done.

        Raises as :meth:`theorems`.
        """
        body = {"imports": list(imports), "names": list(names)}
        items, _ = self._stream("restate", body, imports, LIST_S)
        return [parse_answer(PrintedTheorem, item) for item in items]

    @limits_as_values
    def mutate(self, task: MutationTask) -> MutationResult:
        """Make statements from one theorem with lemmas, by the operations of the task.

        Raises:
            InvalidRequest: target, lemma or import does not exist; ``field`` names which.
            BackendUnavailable: the machine failed.
        """
        items, tally, usage = self._mutated(task.body(), task)
        mutants = tuple(parse_answer(Mutant, item) for item in items)
        return MutationResult(mutants, tally, usage)

    @limits_as_values
    def matches(
        self, task: MutationTask, method: Literal["index", "brute"] = "index"
    ) -> MatchResult:
        """Return every step that the task allows, nothing printed and nothing left out.

        Args:
            task: what to do; its limits count.
            method: ask the index, or try every lemma at every position.

        Raises as :meth:`mutate`.
        """
        body = {**task.body(), "output": "hashes", "method": method}
        items, tally, usage = self._mutated(body, task)
        found = tuple(parse_answer(Match, item) for item in items)
        return MatchResult(found, tally, usage)

    @limits_as_values
    def screen(self, task: ScreenTask) -> ScreenResult:
        """Search for reasons not to keep statements, each within a budget.

        Raises:
            InvalidRequest: an import does not exist, or the preamble does not elaborate.
            BackendUnavailable: the machine failed.
        """
        body = {
            "imports": list(task.imports),
            "target": task.target,
            "preamble": task.preamble,
            "budget": task.budget,
            "items": [_screen_body(item) for item in task.items],
        }
        answers, reply = self._stream("screen", body, task.imports, task.wall_s)
        if len(answers) != len(task.items):
            raise BackendCrashed("the Lean server did not answer for every statement")
        return ScreenResult(
            tuple(parse_answer(Screening, answer) for answer in answers), reply.usage
        )

    def audit(self, task: AuditTask) -> AuditResult:
        """Ask what statements have against them, each search within a budget.

        Where one takes more time or memory than there is, the answers before it are kept.

        Raises:
            InvalidRequest: an import does not exist.
            BackendUnavailable: the machine failed.
        """
        body = {
            "imports": list(task.imports),
            "budget": task.budget,
            "items": [{"statement": statement} for statement in task.statements],
        }
        answers: list[dict[str, Any]] = []
        cut = None
        try:
            _, reply = self._stream("audit", body, task.imports, task.wall_s, answers)
            usage = reply.usage
        except LimitReached as reached:
            cut, usage = reached.message, reached.usage
        except ProcessDied as death:
            if death.defective:
                raise
            cut, usage = death.message, death.usage
        if cut is None and len(answers) != len(task.statements):
            raise BackendCrashed("the Lean server did not answer for every statement")
        found = tuple(parse_answer(Examination, answer) for answer in answers)
        return AuditResult(found, usage, cut)

    @limits_as_values
    def goals(
        self,
        statement: str,
        tactics: tuple[str, ...],
        imports: tuple[str, ...],
        *,
        wall_s: float = 60.0,
    ) -> TacticState:
        """Run tactics from a statement, one after the other, and return the goals that are left.

        Raises:
            InvalidRequest: the statement does not elaborate, or a tactic may not be run.
            BackendUnavailable: the machine failed.
        """
        body = {"imports": list(imports), "statement": statement, "tactics": list(tactics)}
        _, reply = self._stream("goals", body, imports, wall_s)
        return parse_answer(TacticState, reply.result)

    def _mutated(
        self, body: dict[str, Any], task: MutationTask
    ) -> tuple[list[dict[str, Any]], Tally, Usage]:
        """Carry out a mutation. The index is built before its clock starts."""
        validate_imports(task.imports)
        body["wall_ms"] = int(1_000 * _OWN_END * task.wall_s)
        with self._pool.lease(task.imports, Deadline.after(QUEUE_S)) as process:
            process.index(import_set(task.imports), Deadline.after(INDEX_S))
            items, reply = collect(process.ask_stream, "mutate", body, Deadline.after(task.wall_s))
        tally = parse_answer(Tally, reply.result)
        if tally.timed_out:
            raise LimitReached("its time was up", limit="timeout", usage=reply.usage)
        return items, tally, reply.usage

    def _stream(
        self,
        op: str,
        body: dict[str, Any],
        imports: tuple[str, ...],
        wall_s: float,
        items: list[dict[str, Any]] | None = None,
    ) -> tuple[list[dict[str, Any]], Reply]:
        validate_imports(imports)
        with self._pool.lease(imports, Deadline.after(QUEUE_S)) as process:
            return collect(process.ask_stream, op, body, Deadline.after(wall_s), items)


def collect(
    ask: Callable[[str, dict[str, Any], Deadline], Iterator[dict[str, Any] | Reply]],
    op: str,
    body: dict[str, Any],
    deadline: Deadline,
    items: list[dict[str, Any]] | None = None,
) -> tuple[list[dict[str, Any]], Reply]:
    """Return what an operation streams, and its end.

    Args:
        ask: asks a process.
        op: the operation.
        body: its fields.
        deadline: when it has to have ended.
        items: gets what is streamed, as it comes.

    Raises:
        BackendCrashed: the end is missing; and whatever ``ask`` raises.
    """
    items = [] if items is None else items
    reply: Reply | None = None
    for part in ask(op, body, deadline):
        if isinstance(part, Reply):
            reply = part
        else:
            items.append(part)
    if reply is None:
        raise BackendCrashed(f"the Lean server ended {op!r} without a result")
    return items, reply


def _screen_body(item: ScreenItem) -> dict[str, str]:
    body = {"statement": item.statement, "name": item.name}
    return body if item.proof is None else {**body, "proof": item.proof}


__all__ = [
    "FailedTactic",
    "Goal",
    "Hypothesis",
    "LeanOperations",
    "LibraryTheorem",
    "Match",
    "MatchResult",
    "Mutant",
    "MutantSource",
    "MutationResult",
    "MutationTask",
    "PrintedTheorem",
    "ScreenItem",
    "ScreenResult",
    "ScreenTask",
    "Screening",
    "TacticState",
    "Tally",
]
