"""LeanDojo Benchmark (Yang et al. 2023, arXiv:2306.15626): JSON of traced theorems, and the corpus.

A benchmark is a folder with ``corpus.jsonl`` and a folder for each kind of split: ``train.json``,
``val.json`` and ``test.json``. The theorems have no statements; the corpus has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aludel.errors import InvalidRequest
from aludel.proof_import.records import (
    Imported,
    ImportedStep,
    ImportedTheorem,
    first_error,
    json_array,
    json_lines,
)
from aludel.proof_import.statements import UnusableText, declared, module_of
from aludel.proof_states import Premise

CORPUS = "corpus.jsonl"
_SPLITS = ("train", "val", "test")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Provenance(_Record):
    full_name: str
    def_path: str | None = None


class _Tactic(_Record):
    tactic: str
    annotated_tactic: tuple[str, tuple[_Provenance, ...]] | None = None
    state_before: str
    state_after: str


class _Theorem(_Record):
    url: str
    commit: str
    file_path: str
    full_name: str = Field(min_length=1)
    start: tuple[int, int]
    end: tuple[int, int]
    theorem_statement: str | None = None  # LeanDojo-v2 has it
    traced_tactics: tuple[_Tactic, ...] = ()


class _Definition(_Record):
    full_name: str
    code: str


class _File(_Record):
    path: str
    imports: tuple[str, ...] = ()
    premises: tuple[_Definition, ...] = ()


class _Corpus:
    """Statements and imports by file; empty where there is no corpus."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], str] = {}
        self._imports: dict[str, tuple[str, ...]] = {}

    def add(self, file: _File) -> None:
        self._imports[file.path] = tuple(map(module_of, file.imports))
        self._code |= {(file.path, d.full_name): d.code for d in file.premises}

    def code(self, theorem: _Theorem) -> str | None:
        return self._code.get((theorem.file_path, theorem.full_name))

    def imports(self, theorem: _Theorem) -> tuple[str, ...]:
        return self._imports.get(theorem.file_path, ())


def read(path: Path) -> Imported:
    """Read a file of theorems, or a folder of splits; the corpus is looked for beside and above.

    Theorems without a statement that can stand alone are kept as theorems, and are no problems.

    Raises:
        InvalidRequest: there is no such file, or one is not of this format.
    """
    files = _files(path)
    found = Imported()
    corpus = _corpus(files[0].parent, found)
    for file in files:
        for where, row in json_array(file, found):
            try:
                theorem = _Theorem.model_validate(row)
            except ValidationError as error:
                found.refuse(where, first_error(error))
                continue
            _add(found, f"{file.parent.name}/{where}", theorem, file.stem, corpus)
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = [path / f"{split}.json" for split in _SPLITS]
    there = [file for file in files if file.is_file()]
    if not there:
        raise InvalidRequest(
            f"{path} holds no train.json, val.json or test.json",
            field="PATH",
            fix="name a JSON file, or one of the folders random and novel_premises",
        )
    return there


def _corpus(folder: Path, found: Imported) -> _Corpus:
    corpus = _Corpus()
    places = (folder / CORPUS, folder.parent / CORPUS)
    at = next((place for place in places if place.is_file()), None)
    if at is None:
        return corpus
    for where, row in json_lines(at, found):
        try:
            corpus.add(_File.model_validate(row))
        except ValidationError as error:
            found.refuse(where, first_error(error))
    return corpus


def _add(found: Imported, where: str, theorem: _Theorem, split: str, corpus: _Corpus) -> None:
    imports = corpus.imports(theorem)
    statement = _statement(theorem, corpus)
    found.theorems.append(
        ImportedTheorem(
            name=theorem.full_name,
            url=theorem.url,
            commit=theorem.commit,
            path=theorem.file_path,
            start=theorem.start,
            end=theorem.end,
            statement=statement,
            imports=imports,
            split=split,
            steps=tuple(map(_step, theorem.traced_tactics)),
        )
    )
    if statement is not None:
        values: dict[str, Any] = {"name": theorem.full_name, "statement": statement}
        found.add_problem(where, {**values, "imports": imports or ("Init",), "split": split})


def _statement(theorem: _Theorem, corpus: _Corpus) -> str | None:
    text = theorem.theorem_statement or corpus.code(theorem)
    if text is None:
        return None
    try:
        return declared(text, theorem.full_name).statement
    except UnusableText:
        return None


def _step(tactic: _Tactic) -> ImportedStep:
    named = tactic.annotated_tactic[1] if tactic.annotated_tactic else ()
    return ImportedStep(
        tactic=tactic.tactic,
        before=tactic.state_before,
        after="" if tactic.state_after == "no goals" else tactic.state_after,
        premises=tuple(
            Premise(name=p.full_name, module=module_of(p.def_path) if p.def_path else None)
            for p in named
        ),
    )
