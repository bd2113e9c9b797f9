"""Theorems of Lean's library, restated and proved by themselves: all must be accepted."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aludel.lean_checker.attacks.corpus import ACCEPTED, Case
from aludel.lean_checker.attacks.outcomes import RecordedLines
from aludel.lean_checker.operations import LeanOperations, PrintedTheorem
from aludel.lean_checker.pool import LeanPool
from aludel.models import MAX_STATEMENT_BYTES
from aludel.protocols import Exhausted
from aludel.statements import with_proof

LIBRARY = "theorems of Init"
_IMPORTS = ("Init",)
_NAME = "aludel_restated"
# A request has two minutes; a theorem takes some milliseconds, on a busy machine many more.
_CHUNK = 50
# Side conditions and instances that the conclusion does not determine are among the hypotheses.
_PROOF = (
    "by first | exact @{exact} .. | exact @{exact} {arguments} | (apply @{exact} <;> assumption) "
    "| (intros; first | exact @{exact} .. | (apply @{exact} <;> assumption)) "
    "| solve_by_elim only [*, @{name}]"
)
_COLON = re.compile(r"\s:\s")
# Before the first colon of `[∀ (x : α), C x]`, which names nothing.
_WITHIN_TYPE = re.compile(r"[∀(\[{⦃]")
_UNIVERSES = re.compile(r"\.\{[^}]*\}")
_PARTICULAR = re.compile(r"`[^`]*`|\d+")


@dataclass(frozen=True)
class Restated:
    """Cases made of theorems, and why the others have no form that elaborates back."""

    cases: list[Case]
    unprintable: Counter[str]

    def figures(self) -> dict[str, object]:
        """The counts as one JSON object."""
        return {
            "restated": len(self.cases),
            "unprintable": self.unprintable.total(),
            "unprintable_because": dict(self.unprintable.most_common()),
        }


class PrintedTheorems(RecordedLines):
    """Theorems printed in earlier runs; printing all of Init takes many minutes.

    Args:
        path: the file, which is made when there is none.
        digest: the toolchain's; what another one printed counts for nothing.

    Raises:
        RunFileError: as :class:`RecordedLines` does.
    """

    def __init__(self, path: Path, digest: str) -> None:
        super().__init__(path, ("name", "header", "reason"))
        self._digest = digest

    def of(self, name: str) -> PrintedTheorem | None:
        """The theorem as this toolchain printed it before."""
        known = self.known(self._key(name))
        if known is None:
            return None
        return PrintedTheorem(name=known[0], header=known[1], reason=known[2])

    def add(self, theorem: PrintedTheorem) -> None:
        """Write a printed theorem down."""
        row = {"name": theorem.name, "header": theorem.header, "reason": theorem.reason}
        self.write(self._key(theorem.name), **row)

    def _key(self, name: str) -> str:
        return hashlib.sha256(f"{self._digest} {name}".encode()).hexdigest()


def restated_theorems(
    pool: LeanPool,
    limit: int,
    printed: PrintedTheorems | None = None,
    started: Callable[[int], Callable[[int], None]] | None = None,
) -> Restated:
    """Restate theorems of Init, evenly spread over their names.

    Args:
        pool: Lean processes.
        limit: how many to take; all when negative.
        printed: those of earlier runs are not printed again, and the others are added.
        started: is told how many there are; what it returns, how many more are done.

    Raises:
        BackendUnavailable: the machine failed.
    """
    operations = LeanOperations(pool)
    names = operations.theorem_names(_IMPORTS)
    step = 1 if limit < 0 else max(1, len(names) // limit)
    chosen = names[::step] if limit < 0 else names[::step][:limit]
    advance = started(len(chosen)) if started else None
    restated = Restated([], Counter())
    with ThreadPoolExecutor(pool.size) as threads:
        for part in threads.map(lambda chunk: _read_or_printed(operations, chunk, printed),
                                _chunks(chosen)):  # fmt: skip
            for theorem in part:
                _add(restated, theorem)
            if advance is not None:
                advance(len(part))
    return restated


def _chunks(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(names), _CHUNK):
        yield tuple(names[start : start + _CHUNK])


def _add(restated: Restated, theorem: PrintedTheorem) -> None:
    case = None if theorem.header is None else _case(theorem.name, theorem.header)
    if case is None:
        restated.unprintable[_kind(theorem.reason or "")] += 1
    elif len((case.statement or "").encode()) > MAX_STATEMENT_BYTES:
        restated.unprintable["its text is longer than a statement may be"] += 1
    else:
        restated.cases.append(case)


def _read_or_printed(
    operations: LeanOperations, names: tuple[str, ...], recorded: PrintedTheorems | None
) -> list[PrintedTheorem]:
    """Print the theorems that were not printed before."""
    if recorded is None:
        return _printed(operations, names)
    known = [theorem for name in names if (theorem := recorded.of(name))]
    missing = tuple(name for name in names if recorded.of(name) is None)
    made = _printed(operations, missing) if missing else []
    for theorem in made:
        recorded.add(theorem)
    return [*known, *made]


def _printed(operations: LeanOperations, names: tuple[str, ...]) -> list[PrintedTheorem]:
    """Print theorems; one that alone takes longer than a request may is not printable."""
    found = operations.restate(names, _IMPORTS)
    if not isinstance(found, Exhausted):
        return found
    if len(names) == 1:
        return [PrintedTheorem(name=names[0], header=None, reason=found.message)]
    half = len(names) // 2
    return [*_printed(operations, names[:half]), *_printed(operations, names[half:])]


def _kind(reason: str) -> str:
    """The first line of a reason, without names and numbers."""
    return _PARTICULAR.sub("…", reason.strip().split("\n", 1)[0])


def argument_names(header: str) -> list[str]:
    """Return the names that the binders of a header declare, ``_`` for an instance without one."""
    names: list[str] = []
    depth, opened = 0, 0
    for place, letter in enumerate(header):
        if letter in "([{⦃":
            opened = place if depth == 0 else opened
            depth += 1
        elif letter in ")]}⦄":
            depth -= 1
            declared, *typed = _COLON.split(header[opened + 1 : place], maxsplit=1)
            # universes follow a dot
            if depth == 0 and header[opened - 1] != ".":
                named = typed and not _WITHIN_TYPE.search(declared)
                names += declared.split() if named else ["_"]
        elif letter == ":" and depth == 0:
            break
    return names


def _case(name: str, header: str) -> Case:
    statement = f"theorem {_NAME}{header}"
    universes = _UNIVERSES.match(header)
    exact = name + (universes[0] if universes else "")
    proof = _PROOF.format(name=name, exact=exact, arguments=" ".join(argument_names(header)))
    return Case(
        name=name,
        expect=(ACCEPTED,),
        imports=_IMPORTS,
        statement=statement,
        code=with_proof(statement, proof),
    )
