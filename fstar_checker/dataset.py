"""PoPAI's data, read and written: the harness form (a file's definitions) and Hugging Face rows.

Missing fields are tolerated and stay missing when written; unknown ones are kept.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aludel.errors import InvalidRequest
from aludel.fstar_checker.lexer import code_tokens
from aludel.fstar_checker.vconfig import VConfig
from aludel.jsonl import lines_of

UNKNOWN = "<UNK>"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Open(_Record):
    """An ``open M``, or ``module A = M`` as abbreviation and full module."""

    open: str | None = None
    abbrev: str | None = None
    full_module: str | None = None

    @property
    def entry(self) -> str:
        """The entry of :class:`aludel.models.FStarContext` that stands for it."""
        return f"{self.abbrev}={self.full_module}" if self.abbrev else str(self.open)


class SourceRange(_Record):
    """Where a definition stands; lines from 1, columns from 0."""

    file_name: str | None = None
    start_line: int | None = None
    start_col: int | None = None
    end_line: int | None = None
    end_col: int | None = None


class ProblemClass(StrEnum):
    """PoPAI's three classes."""

    SIMPLY_TYPED = "simply_typed"
    DEPENDENTLY_TYPED = "dependently_typed"
    PROOF = "proof"


class Definition(_Record):
    """One definition as a synthesis problem: all fields of PoPAI, most of them optional."""

    name: str
    file_name: str
    opens_and_abbrevs: tuple[Open, ...] = ()
    vconfig: VConfig | None = None
    source_type: str | None = None
    source_definition: str | None = None
    source_range: SourceRange | None = None
    interleaved: bool | None = None
    definition: str | None = None
    effect: str | None = None
    effect_flags: tuple[str, ...] | None = None
    mutual_with: tuple[str, ...] | None = None
    premises: tuple[str, ...] | None = None
    proof_features: tuple[Any, ...] | None = None
    is_simple_lemma: bool | None = None
    is_div: bool | None = None
    is_proof: bool | None = None
    is_simply_typed: bool | None = None
    is_type: bool | None = None
    type: str | None = None
    prompt: str | None = None
    expected_response: str | None = None
    original_source_type: str | None = None
    file_context: str | None = None
    verbose_type: str | None = None
    ideal_premises: tuple[str, ...] | None = None
    partial_definition: str | None = None
    completed_definiton: str | None = None  # PoPAI's spelling
    isa_cross_project_example: bool | None = None
    project_name: str | None = None

    @property
    def module(self) -> str:
        """The module of the definition's file."""
        base = self.file_name.rsplit("/", 1)[-1]
        return base.removesuffix(".fsti").removesuffix(".fst")

    @property
    def short_name(self) -> str:
        """The name without its module."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def problem_class(self) -> ProblemClass:
        """PoPAI's class of the problem."""
        if self.is_proof:
            return ProblemClass.PROOF
        return ProblemClass.SIMPLY_TYPED if self.is_simply_typed else ProblemClass.DEPENDENTLY_TYPED

    @property
    def statement(self) -> str | None:
        """The asked ``val``: the source's, the original source's, or one at the printed type."""
        for text in (self.source_type, self.original_source_type):
            if text and text.strip() != UNKNOWN and "val" in (t.text for t in code_tokens(text)):
                return text
        if self.type and self.type.strip() != UNKNOWN:
            return f"val {self.short_name} : {self.type}\n"
        return None

    @property
    def skipped_because(self) -> str | None:
        """Why the definition is no problem for the harness, or None."""
        reasons = {
            "it is interleaved with its interface": bool(self.interleaved),
            "its name is generated": self.short_name.startswith("<"),
            "it is defined together with others": bool(self.mutual_with),
            "its file is a placeholder": self.module == "dummy",
            "its source has no '='": self.source_definition is not None
            and "=" not in self.source_definition,
            "its type is not known": self.statement is None,
        }
        return next((why for why, holds in reasons.items() if holds), None)


class Source(_Record):
    """Where a file comes from."""

    project_name: str | None = None
    file_name: str | None = None
    git_rev: str | None = None
    git_url: str | None = None


class Dependencies(_Record):
    """What a file needs."""

    source_file: str | None = None
    checked_file: str | None = None
    interface_file: Any = None
    dependencies: tuple[Any, ...] = ()


class SourceFile(_Record):
    """The harness form: one file's definitions."""

    defs: tuple[Definition, ...] = Field(default=())
    dependencies: Any = None
    source: Source | None = None


def read_definitions(path: Path) -> list[Definition]:
    """Read a PoPAI file: the harness form, a list of it, rows as a JSON array, or rows as JSONL.

    Raises:
        InvalidRequest: the file cannot be read, is not JSON (with its line), or a definition lacks
            what it needs (with its place, name and field).
    """
    text = _read(path)
    if path.suffix == ".jsonl":
        lines = list(lines_of(text))
        rows = [(f"line {n}", _parse(path, line, n)) for n, line in lines]
    else:
        value = _parse(path, text, 1)
        values = value if isinstance(value, list) else [value]
        rows = [(f"entry {n}", v) for n, v in enumerate(values)]
    found: list[Definition] = []
    for place, row in rows:
        found += _definitions(path, place, row)
    return found


def write_harness_form(path: Path, definitions: Iterable[Definition], source: Source) -> None:
    """Write one file's definitions in the harness form, whole or not at all."""
    defs = [d.model_dump(mode="json", exclude_unset=True) for d in definitions]
    value = {"defs": defs, "source": source.model_dump(mode="json", exclude_unset=True)}
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_rows(path: Path, definitions: Iterable[Definition]) -> None:
    """Write definitions as Hugging Face rows (JSONL), whole or not at all."""
    rows = (d.model_dump(mode="json", exclude_unset=True) for d in definitions)
    write_text(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` through a synced temporary file beside it.

    Raises:
        InvalidRequest: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise InvalidRequest(f"cannot be written: {error}", field=str(path)) from error


def read_text(path: Path) -> str:
    """Read a UTF-8 text.

    Raises:
        InvalidRequest: it cannot be read; names the file.
    """
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot be read: {error}", field=str(path)) from error


def _parse(path: Path, text: str, line: int) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            at = line + error.lineno - 1
            message = f"not JSON: {error.msg} at line {at}, column {error.colno}"
        else:
            message = f"not JSON: {error} at line {line}"
        raise InvalidRequest(message, field=str(path)) from error


def _definitions(path: Path, place: str, row: Any) -> list[Definition]:  # noqa: ANN401
    if not isinstance(row, dict):
        raise InvalidRequest(f"{place} is not an object", field=str(path))
    try:
        if "defs" not in row:
            return [Definition.model_validate(row)]
        file = SourceFile.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        name = _name_at(row, first["loc"])
        message = f"{place}{name}: field {where}: {first['msg']}"
        raise InvalidRequest(message, field=str(path)) from error
    project = file.source.project_name if file.source else None
    if project is None:
        return list(file.defs)
    return [
        d if d.project_name else d.model_copy(update={"project_name": project}) for d in file.defs
    ]


def _name_at(row: dict[str, Any], location: tuple[int | str, ...]) -> str:
    inner: Any = row
    if len(location) > 1 and location[0] == "defs" and isinstance(location[1], int):
        inner = row["defs"][location[1]]
    name = inner.get("name") if isinstance(inner, dict) else None
    return f" ({name})" if isinstance(name, str) else ""
