"""Statements, elaborated in processes that read no candidate, each once.

Many candidates share a statement. It is elaborated for the first of them, and kept for the others:
by the key they came with, import set, options and text.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import AludelError, BackendCrashed
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.judge.question import Statement, digest_of
from aludel.lean_checker.judge.tables import Constant, MalformedTables, Tables, parse_tables
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess
from aludel.models import Budget, Usage, canonical_json

KEPT = 1_024
_LARGE = 50_000
"""Terms of a statement above which it is not kept."""
_PROBE_S = 60.0


@dataclass(frozen=True)
class Header:
    """A statement's text and where it is read.

    Attributes:
        text: header of one declaration.
        imports: the import set.
        options: Lean's options.
    """

    text: str
    imports: tuple[str, ...]
    options: tuple[tuple[str, bool | int | str], ...] = ()


_Key = tuple[str | None, str]
"""Whose statement it is, and which."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    imports: list[str]
    kind: Literal["theorem", "def", "opaque"]
    shown: str
    tables: dict[str, Any]


class Statements:
    """Elaborates statements and keeps them. Thread-safe.

    Args:
        pool: processes that are asked for nothing else.
    """

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, Statement] = OrderedDict()
        self._pending: dict[_Key, Future[Statement]] = {}
        self.elaborated = 0

    def find(self, header: Header, budget: Budget) -> tuple[Statement, Usage]:
        """Return the statement, and what it cost: nothing where it was known.

        Raises:
            InvalidRequest: it does not elaborate, or is not one header.
            LimitReached: not within the budget.
            ProcessDied: it exhausts its process.
            BackendUnavailable: the machine failed.
        """
        # As JSON, for which 1 and true are not the same.
        text = canonical_json([header.imports, header.options, header.text])
        key = (self._pool.tenant, text)
        deadline = Deadline.after(budget.wall_s)
        while True:
            with self._lock:
                known = self._kept.get(key)
                if known is not None:
                    self._kept.move_to_end(key)
                    return known, Usage()
                pending = self._pending.get(key)
                if pending is None:
                    mine = self._pending[key] = Future()
                    break
            _wait_for(pending, deadline)
        return self._elaborate(key, mine, header, budget)

    def _elaborate(
        self, key: _Key, mine: Future[Statement], header: Header, budget: Budget
    ) -> tuple[Statement, Usage]:
        """Have it elaborated; whoever waits for it looks again when this ends, however it ends."""
        try:
            with self._pool.lease(header.imports, Deadline.after(QUEUE_S)) as process:
                statement, usage = read_statement(process, header, budget)
            with self._lock:
                self.elaborated += 1
                if len(statement.tables.exprs) <= _LARGE and not process.distrusted:
                    self._kept[key] = statement
                    while len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
            return statement, usage
        finally:
            with self._lock:
                del self._pending[key]
            mine.cancel()

    def distrust(self) -> None:
        """Ask the processes that read for this tenant no more, and forget what they read."""
        tenant = self._pool.tenant
        self._pool.distrust(tenant)
        with self._lock:
            for key in [key for key in self._kept if key[0] == tenant]:
                del self._kept[key]


def read_statement(process: LeanProcess, header: Header, budget: Budget) -> tuple[Statement, Usage]:
    """Have a process elaborate a statement; raises as :meth:`Statements.find`."""
    body = {
        "imports": list(header.imports),
        "options": dict(header.options),
        "statement": header.text,
        "heartbeats": budget.heartbeats,
    }
    deadline = Deadline.after(budget.wall_s)
    reply = process.ask("statement", body, deadline, memory_mb=budget.memory_mb)
    return parse_statement(reply.result, header.imports), reply.usage


def parse_statement(result: dict[str, Any], imports: tuple[str, ...]) -> Statement:
    """Parse the answer of the operation ``statement``.

    Raises:
        BackendCrashed: it is of another shape, or about another import set.
    """
    try:
        answer = _Answer.model_validate(result)
        tables = parse_tables(answer.tables)
        declared = _only_type(tables)
        digest = digest_of(tables, declared)
    except (ValidationError, MalformedTables) as error:
        raise BackendCrashed(f"the Lean server answered what is no statement: {error}") from error
    if tuple(answer.imports) != import_set(imports):
        raise BackendCrashed("the Lean server answered for another import set")
    return Statement(
        name=declared.name,
        params=declared.params,
        theorem=answer.kind == "theorem",
        tables=tables,
        type=declared.type,
        shown=answer.shown,
        digest=digest,
    )


def _only_type(tables: Tables) -> Constant:
    """The one declaration without a value."""
    declared = tables.declarations[0] if len(tables.declarations) == 1 else None
    if not isinstance(declared, Constant) or declared.kind != "axm":
        raise MalformedTables("not one declaration without a value")
    return declared


def probe_statement(process: LeanProcess) -> None:
    """Have a process read a statement.

    Raises:
        BackendUnavailable: it does not answer, or not with a statement.
    """
    body = {"imports": ["Init"], "options": {}, "statement": "theorem t : True", "heartbeats": 1000}
    try:
        reply = process.ask("statement", body, Deadline.after(_PROBE_S))
        parse_statement(reply.result, ("Init",))
    except (AludelError, LimitReached) as error:
        raise BackendCrashed(
            f"the Lean server cannot read a statement: {error.message}", fix="run `aludel doctor`"
        ) from error


def _wait_for(pending: Future[Statement], deadline: Deadline) -> None:
    """Wait until another thread is done with a statement, for good or ill."""
    finished = threading.Event()
    pending.add_done_callback(lambda _: finished.set())
    if not finished.wait(deadline.remaining()):
        raise LimitReached(
            "the statement was not elaborated in time", limit="timeout", usage=Usage()
        )
