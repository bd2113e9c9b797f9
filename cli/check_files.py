"""Several files of ``aludel check``: which they are, and a verdict for each or for each theorem."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from aludel.cli.rendering import error_object, render_verdict
from aludel.cli.source import STANDARD_INPUT, read_source
from aludel.client.flows import error_of_failure
from aludel.declarations import TheoremText, theorems_in, without
from aludel.errors import AludelError, InvalidRequest
from aludel.jobs import Item
from aludel.models import Accepted, CheckRequest, Prover, Rejected, Verdict

EXIT_CODES = {"accepted": 0, "rejected": 1, "undecided": 2}
SUFFIXES = {Prover.LEAN: ".lean", Prover.FSTAR: ".fst"}
_GLOB = frozenset("*?[")

Ask = Callable[[str, str], CheckRequest]
"""Makes the request of a file, by its name and its text."""
Judge = Callable[[Iterable[CheckRequest]], Iterator[Item]]
"""Judges requests in their order; an item has a verdict or an error."""


@dataclass(frozen=True)
class Asked:
    """What is asked of every file, and how verdicts are shown."""

    ask: Ask
    max_bytes: int
    per_declaration: bool
    as_json: bool


@dataclass(frozen=True)
class _Source:
    """A file, or what is wrong with it."""

    name: str
    code: str = ""
    error: AludelError | None = None


def is_one_file(file: str) -> bool:
    """Whether an argument can only mean one file, be it there or not."""
    if file == STANDARD_INPUT or "\0" in file or Path(file).is_file():
        return True
    return not Path(file).is_dir() and not _GLOB & set(file)


def ensure_fits(
    prover: Prover, receipt: Path | None, statement: str | None, *, per_declaration: bool
) -> None:
    """Refuse options that several verdicts cannot have.

    Raises:
        InvalidRequest: one was given; ``field`` names it.
    """
    if receipt is not None:
        raise InvalidRequest("is that of one verdict", field="--receipt", fix="name one file")
    if not per_declaration:
        return
    if prover is not Prover.LEAN:
        fix = "leave it out"
        raise InvalidRequest(f"means nothing to {prover.value}", field="--per-declaration", fix=fix)
    if statement is not None:
        fix = "leave out one of them"
        raise InvalidRequest("each theorem has its own", field="--statement", fix=fix)


def found_files(arguments: Sequence[str], prover: Prover) -> list[str]:
    """Return the files that arguments name, each once: files, those in folders, and globs.

    Raises:
        InvalidRequest: a folder or a glob names none; ``field`` is the argument.
    """
    found: list[str] = []
    for argument in arguments:
        named = [argument] if is_one_file(argument) else _searched(argument, SUFFIXES[prover])
        if not named:
            fix = f"name files, a folder with {SUFFIXES[prover]} files in it, or another glob"
            raise InvalidRequest("holds no file to check", field=argument, fix=fix)
        found += named
    return list(dict.fromkeys(found))


def _searched(argument: str, suffix: str) -> list[str]:
    """Return the files of a glob, or those in a folder but for its hidden folders."""
    folder = Path(argument)
    if not folder.is_dir():
        matches = glob.glob(argument, recursive=True)  # noqa: PTH207 - Path's takes no absolute one
        return sorted(path for path in matches if Path(path).is_file())
    if folder.resolve() == Path(folder.resolve().anchor):
        fix = "name a folder inside it"
        raise InvalidRequest("the root directory is not searched", field=argument, fix=fix)
    inside = (path for path in folder.rglob(f"*{suffix}") if path.is_file())
    return sorted(str(p) for p in inside if not _is_hidden(p.relative_to(folder)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def check_files(files: Sequence[str], asked: Asked, judge: Judge) -> int:
    """Print a verdict for each file, or each theorem of it; return the highest exit code.

    A file that cannot be read, or whose request is wrong, is told in its place.

    Raises:
        BackendUnavailable: the machine failed.
    """
    each = _each_theorem if asked.per_declaration else _each_file
    highest = 0
    sources = (_read(file, asked) for file in files)
    for source, name, outcome in each(sources, asked, judge):
        _show(source, name, outcome, as_json=asked.as_json)
        highest = max(highest, _exit_code(outcome))
    return highest


def _exit_code(outcome: Verdict | AludelError) -> int:
    return outcome.exit_code if isinstance(outcome, AludelError) else EXIT_CODES[outcome.kind]


_Outcomes = Iterator[tuple[_Source, str | None, Verdict | AludelError]]


def _read(file: str, asked: Asked) -> _Source:
    name = "<stdin>" if file == STANDARD_INPUT else file
    try:
        return _Source(name, read_source(file, asked.max_bytes))
    except AludelError as error:
        return _Source(name, error=error)


def _each_file(sources: Iterable[_Source], asked: Asked, judge: Judge) -> _Outcomes:
    waiting: list[_Source] = []

    def requests() -> Iterator[CheckRequest]:
        for source in sources:
            waiting.append(source)
            if source.error is None:
                yield asked.ask(source.name, source.code)

    for item in judge(requests()):
        yield from _broken(waiting)
        yield waiting.pop(0), None, _outcome(item)
    yield from _broken(waiting)


def _broken(waiting: list[_Source]) -> _Outcomes:
    """Yield the files that come next and cannot be read."""
    while waiting and (error := waiting[0].error) is not None:
        yield waiting.pop(0), None, error


def _each_theorem(sources: Iterable[_Source], asked: Asked, judge: Judge) -> _Outcomes:
    """Judge each theorem without the others of its file, or else with those accepted before it."""
    for source in sources:
        try:
            if source.error is not None:
                raise source.error
            theorems = theorems_in(source.code)
        except AludelError as error:
            yield source, None, error
            continue
        if not theorems:
            [item] = judge([asked.ask(source.name, source.code)])
            yield source, None, _outcome(item)
        yield from _theorems(source, theorems, asked, judge)


def _theorems(
    source: _Source, theorems: list[TheoremText], asked: Asked, judge: Judge
) -> _Outcomes:
    def request(*kept: TheoremText) -> CheckRequest:
        return asked.ask(source.name, without(source.code, theorems, kept))

    accepted: list[TheoremText] = []
    items = judge(request(theorem) for theorem in theorems)
    for theorem, item in zip(theorems, items, strict=True):
        outcome = _outcome(item)
        if accepted and isinstance(outcome, Rejected):
            [item] = judge([request(*accepted, theorem)])
            outcome = _outcome(item)
        if isinstance(outcome, Accepted):
            if _declares(outcome, theorem):
                accepted.append(theorem)
            else:
                fix = "check the file as a whole"
                outcome = InvalidRequest(f"Lean finds no theorem {theorem.name}", fix=fix)
        yield source, theorem.name, outcome


def _declares(verdict: Accepted, theorem: TheoremText) -> bool:
    name = theorem.name.removeprefix("_root_.")
    return any(f".{one}".endswith(f".{name}") for one in verdict.evidence.declarations)


def _outcome(item: Item) -> Verdict | AludelError:
    if item.verdict is not None:
        return item.verdict
    error = error_of_failure(item.error)
    if not isinstance(error, InvalidRequest):
        raise error
    return error


def _show(
    source: _Source, name: str | None, outcome: Verdict | AludelError, *, as_json: bool
) -> None:
    where = {"file": source.name} if name is None else {"file": source.name, "declaration": name}
    if isinstance(outcome, AludelError):
        outcome.field = source.name if outcome.field in (None, "code") else outcome.field
        click.echo(f"aludel: {outcome}", err=True)
        if as_json:
            click.echo(json.dumps({**where, **error_object(outcome)}))
    elif as_json:
        click.echo(json.dumps({**where, **outcome.model_dump(mode="json")}, ensure_ascii=False))
    else:
        click.echo(
            f"{': '.join(where.values())}: {render_verdict(outcome, source.code, source.name)}"
        )
