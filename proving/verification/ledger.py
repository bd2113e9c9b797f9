"""The ledger of a run: its problems, their tallies, and how far the run is.

An SQLite file in the run's folder. What is written into ``results.jsonl`` counts when the ledger
says so: a run that was killed cuts the file to the size that the ledger has, and goes on there.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aludel.errors import Conflict, RunFileError
from aludel.models import canonical_json
from aludel.proving.verification.posing import PosedProblem

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS problems (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, body TEXT, refusal TEXT, problem_group TEXT,
    judged INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY, problem INTEGER) WITHOUT ROWID;
"""
_CACHE_KIB = 16_384


@dataclass
class Entry:
    """A problem and what became of its candidates so far.

    Attributes:
        id: its number in the ledger.
        problem: None where it cannot be posed, for which ``refusal`` is the reason.
        judged: those that were judged, of which ``accepted`` were accepted.
    """

    id: int
    name: str
    problem: PosedProblem | None
    refusal: str | None
    judged: int
    accepted: int


@dataclass
class Position:
    """How far a run is.

    Attributes:
        size: bytes of the results that count.
        at, line: the line of the candidates that is next, by its place and number.
        item: which candidate of that line.
        counts: rows so far, by ``KIND`` and by ``KIND REASON``.
        done: whether there are no more candidates.
    """

    size: int
    at: int
    line: int
    item: int
    counts: Counter[str]
    done: bool


class Ledger:
    """The ledger in a folder; use as a context manager. One process at a time has it open.

    Raises:
        Conflict: another process works in the folder, or its run is another one.
        RunFileError: the file cannot be used.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self._path = path
        with self._mapped():
            self._db = sqlite3.connect(path, timeout=0.0, isolation_level=None)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._db.execute("BEGIN EXCLUSIVE")
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            known = self._fact("identity") if self._fact("problems") else identity
            self._put("identity", known)
            self._db.execute("COMMIT")
        if known != json.loads(canonical_json(identity)):
            self._db.close()
            raise Conflict(
                f"{path.parent} holds a run of other files, with other options or another prover",
                field="--out",
                fix="name another folder, or repeat the files and options of that run",
            )

    @property
    def has_problems(self) -> bool:
        """Whether the problems were read to their end."""
        with self._mapped():
            return self._fact("problems") is not None

    def add_problems(self, problems: Iterable[tuple[list[str], PosedProblem | str]]) -> None:
        """Record all problems, or none.

        Args:
            problems: the names of each, and itself or why it cannot be posed.
        """
        with self._transaction():
            for names, found in problems:
                self._add(names, found)
            self._put("problems", True)

    def find(self, names: Iterable[str]) -> Entry | None:
        """Return the problem that one of ``names`` is a name of, the first that is."""
        with self._mapped():
            for name in names:
                query = "SELECT problem FROM names WHERE name = ?"
                found = self._db.execute(query, (name,)).fetchone()
                if found is not None and found[0] is not None:
                    return self._entry(found[0])
        return None

    def position(self) -> Position:
        """Return how far the run is."""
        with self._mapped():
            known = self._fact("position") or {}
        counts = Counter(known.pop("counts", {}))
        start = {"size": 0, "at": 0, "line": 1, "item": 0, "done": False}
        return Position(**{**start, **known}, counts=counts)

    def commit(self, entries: Iterable[Entry], position: Position) -> None:
        """Record what became of candidates, and how far the run is now."""
        rows = [(e.judged, e.accepted, e.refusal, e.id) for e in entries]
        with self._transaction():
            self._db.executemany(
                "UPDATE problems SET judged=?, accepted=?, refusal=? WHERE id=?", rows
            )
            self._put("position", vars(position))

    def tallies(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield group, judged and accepted candidates, and how many posed problems have these."""
        yield from self._rows(
            "SELECT problem_group, judged, accepted, COUNT(*) FROM problems "
            "WHERE refusal IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )

    def refused(self) -> Iterator[tuple[str, str]]:
        """Yield name and reason of each problem that cannot be posed, in their order."""
        yield from self._rows(
            "SELECT name, refusal FROM problems WHERE refusal IS NOT NULL ORDER BY id"
        )

    def without_options(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the problems that were posed without some of their options, and those."""
        query = "SELECT body FROM problems WHERE refusal IS NULL AND instr(body, ?) ORDER BY id"
        for (body,) in self._rows(query, '"without":{"'):
            problem = PosedProblem.model_validate_json(body)
            if problem.without:
                yield problem.names[0], problem.without

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, query: str, *values: object) -> Iterator[Any]:
        with self._mapped():
            yield from self._db.execute(query, values)

    def _add(self, names: list[str], found: PosedProblem | str) -> None:
        body = refusal = None
        if isinstance(found, str):
            refusal = found
        else:
            body = found.model_dump_json()
        if (twin := self._twin(names[0])) is not None:
            if body is not None and twin[1] == body:
                return  # the same problem once more
            refusal = f"two problems are called {names[0]}"
            self._db.execute("UPDATE problems SET refusal=? WHERE id=?", (refusal, twin[0]))
        group = "" if isinstance(found, str) else found.group
        made = self._db.execute(
            "INSERT INTO problems (name, body, refusal, problem_group) VALUES (?, ?, ?, ?)",
            (names[0], body, refusal, group),
        )
        self._name(names, made.lastrowid, own=twin is None)

    def _twin(self, name: str) -> tuple[int, str | None] | None:
        """Return the problem whose own name this is."""
        query = (
            "SELECT p.id, p.body FROM names n JOIN problems p ON p.id = n.problem "
            "WHERE n.name = ? AND p.name = n.name"
        )
        found: tuple[int, str | None] | None = self._db.execute(query, (name,)).fetchone()
        return found

    def _name(self, names: list[str], problem: int | None, *, own: bool) -> None:
        """Note what a problem is called: its own name counts, and others that none shares."""
        if own:
            put = "INSERT OR REPLACE INTO names VALUES (?, ?)"
            self._db.execute(put, (names[0], problem))
        for name in names[1:]:
            self._db.execute(
                "INSERT INTO names VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET problem = "
                "CASE WHEN problem IN (SELECT id FROM problems WHERE name = excluded.name) "
                "THEN problem ELSE NULL END",
                (name, problem),
            )

    def _entry(self, number: int) -> Entry:
        query = "SELECT id, name, body, refusal, judged, accepted FROM problems WHERE id=?"
        found = self._db.execute(query, (number,)).fetchone()
        body = found[2]
        problem = None if body is None else PosedProblem.model_validate_json(body)
        return Entry(found[0], found[1], problem, *found[3:])

    def _fact(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else json.loads(found[0])

    def _put(self, name: str, value: object) -> None:
        shown = canonical_json(value)
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, shown))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._mapped():
            self._db.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise Conflict(
                    f"another process works in {self._path.parent}",
                    field="--out",
                    fix="wait until it has ended, or name another folder",
                ) from error
            raise RunFileError(
                f"{self._path} cannot be used: {error}",
                field="--out",
                fix="free space, or name another folder; the same command goes on",
            ) from error
