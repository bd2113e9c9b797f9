"""Records of an import: problems, theorems with tactics, and bad records with reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aludel.errors import InvalidRequest
from aludel.models import Model
from aludel.problems import TheoremProblem
from aludel.proof_states import Premise


class ImportedProblem(TheoremProblem):
    """A problem as ``aludel attempts run`` takes it, with what its source says besides.

    Attributes:
        split: of the source; empty where it has none.
        informal: the statement in words; empty where the source has none.
    """

    split: str = ""
    informal: str = ""


class ImportedStep(Model):
    """A tactic of a traced proof; states as the source prints them, goals between blank lines."""

    tactic: str
    before: str
    after: str
    premises: tuple[Premise, ...] = ()


class ImportedTheorem(Model):
    """A theorem of a traced repository.

    Attributes:
        name: fully qualified.
        url: of the repository.
        commit: of the repository.
        path: its file there.
        start: where it begins, line and column from 1.
        end: where it ends.
        statement: header of its declaration; ``None`` where the source does not tell.
        imports: what its file imports; empty where the source does not tell.
        split: of the source; empty where it has none.
        steps: tactics in the order of the proof; none for proofs by terms.
    """

    name: str
    url: str
    commit: str
    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    statement: str | None = None
    imports: tuple[str, ...] = ()
    split: str = ""
    steps: tuple[ImportedStep, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that was left out: where it stands (file, and line or number), and why."""

    where: str
    reason: str


@dataclass(slots=True)
class Imported:
    """The result of an import.

    Attributes:
        problems: what can be attempted; names are unique.
        theorems: theorems with tactics, where the format has them.
        definitions: rows of PoPAI, which is what F* attempts take.
        bad: what was left out.
    """

    problems: list[ImportedProblem] = field(default_factory=list)
    theorems: list[ImportedTheorem] = field(default_factory=list)
    definitions: list[dict[str, Any]] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    _places: dict[str, str] = field(default_factory=dict)

    def add_problem(self, where: str, values: dict[str, Any]) -> None:
        """Keep a problem, or note why it is none."""
        try:
            problem = ImportedProblem.model_validate(values)
        except ValidationError as error:
            self.refuse(where, first_error(error))
            return
        before = self._places.setdefault(problem.name, where)
        if before == where:
            self.problems.append(problem)
        else:
            self.refuse(where, f"the name {problem.name!r} is taken by {before}")

    def refuse(self, where: str, reason: str) -> None:
        """Note a record that is left out."""
        self.bad.append(BadRecord(where, reason))


def first_error(error: ValidationError) -> str:
    """Return the first complaint, with its field."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def read_file(path: Path) -> str:
    """Return a file's text.

    Raises:
        InvalidRequest: it cannot be read as UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}", field="PATH", fix="name a file of this format"
        ) from error


def json_lines(path: Path, found: Imported) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSONL file with their places; other lines are noted as bad.

    Raises:
        InvalidRequest: the file cannot be read.
    """
    for number, line in enumerate(read_file(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            found.refuse(where, f"not JSON: {error}")
            continue
        if isinstance(row, dict):
            yield where, row
        else:
            found.refuse(where, "not a JSON object")


def json_array(path: Path, found: Imported) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSON array with their places; other entries are noted as bad.

    Raises:
        InvalidRequest: the file cannot be read, or is not an array.
    """
    try:
        rows = json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{path} is not JSON: {error}", field="PATH", fix="name a file of this format"
        ) from error
    if not isinstance(rows, list):
        raise InvalidRequest(
            f"{path} holds no JSON array", field="PATH", fix="name a file of this format"
        )
    for number, row in enumerate(rows):
        where = f"{path.name}[{number}]"
        if isinstance(row, dict):
            yield where, row
        else:
            found.refuse(where, "not a JSON object")
