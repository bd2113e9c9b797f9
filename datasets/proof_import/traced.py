"""Repositories traced by LeanDojo, read by its own library (the extra ``leandojo``)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from aludel.errors import InvalidRequest, ToolchainMissing
from aludel.proof_states import Premise
from proof_import.records import Imported, ImportedStep, ImportedTheorem
from proof_import.statements import UnusableText, header_of, module_of


def read(path: Path) -> Imported:
    """Read the theorems of a traced repository (a Git checkout with ``*.trace.xml`` files).

    Raises:
        ToolchainMissing: the library is not installed.
        InvalidRequest: it cannot read the repository.
    """
    library = _library()
    try:
        repository = library.TracedRepo.load_from_disk(path, build_deps=False)
    except Exception as error:  # the library has no errors of its own
        raise InvalidRequest(
            f"{path} is no repository that LeanDojo can read: {type(error).__name__}: {error}",
            field="PATH",
            fix="trace it with lean_dojo.trace, and name the folder of the traced repository",
        ) from error
    found = Imported()
    for file in repository.traced_files:
        imports = tuple(module for module, _ in file.get_direct_dependencies(repository.repo))
        for theorem in file.get_traced_theorems():
            _add(found, theorem, repository.repo, imports)
    return found


def _library() -> Any:  # noqa: ANN401 - it has no types
    try:
        return importlib.import_module("lean_dojo")
    except ImportError as error:
        raise ToolchainMissing(
            "reading traced repositories needs LeanDojo",
            fix="pip install 'aludel[leandojo]' (Python 3.12 or older)",
        ) from error


def _add(
    found: Imported,
    traced: Any,  # noqa: ANN401 - lean_dojo.TracedTheorem
    repository: Any,  # noqa: ANN401 - lean_dojo.LeanGitRepo
    imports: tuple[str, ...],
) -> None:
    name, path = traced.theorem.full_name, str(traced.theorem.file_path)
    where = f"{path}:{traced.start.line_nb}"
    if not name:
        found.refuse(where, "a theorem without a name")
        return
    try:
        statement = header_of(traced.get_theorem_statement(), name)
    except UnusableText as error:
        statement = None
        found.refuse(where, f"{name}: no statement: {error}")
    found.theorems.append(
        ImportedTheorem(
            name=name,
            url=repository.url,
            commit=repository.commit,
            path=path,
            start=(traced.start.line_nb, traced.start.column_nb),
            end=(traced.end.line_nb, traced.end.column_nb),
            statement=statement,
            imports=imports,
            steps=tuple(map(_step, traced.get_traced_tactics())),
        )
    )
    if statement is not None:
        values = {"name": name, "statement": statement, "imports": imports or ("Init",)}
        found.add_problem(where, values)


def _step(tactic: Any) -> ImportedStep:  # noqa: ANN401 - lean_dojo.TracedTactic
    _, named = tactic.get_annotated_tactic()
    return ImportedStep(
        tactic=tactic.tactic,
        before=tactic.state_before,
        after="" if tactic.state_after == "no goals" else tactic.state_after,
        premises=tuple(
            Premise(name=p["full_name"], module=module_of(p["def_path"])) for p in named
        ),
    )
