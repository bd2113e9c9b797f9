"""Repositories traced by LeanDojo, read by its own library (the extra ``leandojo``)."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from aludel.distribution import install_command
from aludel.errors import InvalidRequest, ToolchainMissing
from aludel.proof_import.records import Imported, ImportedStep, ImportedTheorem
from aludel.proof_import.statements import UnusableText, declared, module_of
from aludel.proof_states import Premise


def read(path: Path) -> Imported:
    """Read the theorems of a traced repository (a Git checkout with ``*.trace.xml`` files).

    Files are read one by one, those of the packages it uses left out.

    Raises:
        ToolchainMissing: the library is not installed.
        InvalidRequest: it is no Git checkout of a Lean project, or nothing there is traced.
    """
    library = _library()
    try:
        repository = library.LeanGitRepo.from_path(path)
    except Exception as error:  # the library has no errors of its own
        raise InvalidRequest(
            f"{path} is not a repository that LeanDojo can read: {type(error).__name__}: {error}",
            field="PATH",
            fix="trace it with lean_dojo.trace, and name the folder of the traced repository",
        ) from error
    found = Imported()
    root = path.resolve()
    holder = library.TracedRepo(repository, {}, root, [], None)
    for traced in sorted(root.glob(".lake/build/ir/**/*.trace.xml")):
        where = traced.relative_to(root).as_posix()
        try:
            file = library.TracedFile.from_xml(root, traced, repository)
            file.traced_repo = holder  # without it the file does not know whose its theorems are
            _add_file(found, file, repository)
        except Exception as error:  # noqa: BLE001 - as above; the other files may be good
            found.refuse(where, f"{type(error).__name__}: {error}")
    return found


def _add_file(found: Imported, file: Any, repository: Any) -> None:  # noqa: ANN401 - lean_dojo's
    named = {module for module, _ in file.get_direct_dependencies(repository)}
    imports = tuple(sorted(named, key=lambda module: (module != "Init", module)))
    for theorem in file.get_traced_theorems():
        _add(found, theorem, repository, imports)


def _library() -> Any:  # noqa: ANN401 - it has no types
    os.environ.setdefault("DISABLE_REMOTE_CACHE", "1")  # it would ask a server about local folders
    try:
        return importlib.import_module("lean_dojo")
    except ImportError as error:
        raise ToolchainMissing(
            "reading traced repositories needs LeanDojo",
            fix=f"{install_command('leandojo')} (Python 3.12 or older)",
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
        statement = declared(traced.get_theorem_statement(), name).statement
    except UnusableText as error:
        statement = None
        found.refuse(where, f"{name}: no statement: {error.message}")
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
