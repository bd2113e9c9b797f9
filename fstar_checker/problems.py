"""Check requests from PoPAI problems and candidates."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from aludel.errors import InvalidRequest, NotFound
from aludel.fstar_checker.dataset import Definition, read_text
from aludel.fstar_checker.vconfig import VConfig, to_options
from aludel.jsonl import lines_of
from aludel.models import Budget, CheckRequest, FStarContext


class Candidate(BaseModel):
    """One line of a candidates file; no text where nothing was proposed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    candidate: str | None


def read_candidates(path: Path) -> list[Candidate]:
    """Read candidates, one JSON object a line with ``name`` and ``candidate``.

    Raises:
        InvalidRequest: a line does not fit; names the line, the field and the keys that are not
            known.
    """
    found = []
    for number, line in lines_of(read_text(path)):
        value: object = None
        try:
            value = json.loads(line)
            found.append(Candidate.model_validate(value))
        except (ValueError, RecursionError) as error:
            message = f"line {number}: {_what_is_wrong(value, error)}"
            fix = 'one object a line: {"name": ..., "candidate": ...}'
            raise InvalidRequest(message, field=str(path), fix=fix) from error
    if not found:
        raise InvalidRequest("holds no candidate", field=str(path))
    return found


def _what_is_wrong(value: object, error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"not JSON: {error}"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the line"
    known = Candidate.model_fields
    unknown = [repr(key) for key in value if key not in known] if isinstance(value, dict) else []
    told = f"; not known here: {', '.join(unknown)}" if unknown else ""
    return f"{where}: {first['msg']}{told}"


def context_for(problem: Definition, *, dataset: str | None = None) -> FStarContext:
    """Return the scaffolding of a problem as PoPAI's harness builds it.

    The source text before the definition, where the row holds it, is the prefix and brings its own
    ``open`` lines; otherwise the recorded ones are replayed (recorded innermost first).
    """
    prefix = problem.file_context or ""
    opens = tuple(o.entry for o in reversed(problem.opens_and_abbrevs))
    return FStarContext(
        module=problem.module,
        opens=() if prefix.strip() else opens,
        options=to_options(problem.vconfig or VConfig()),
        prefix=prefix,
        until=problem.name if dataset is not None else None,
        dataset=dataset,
    )


def request_for(
    problem: Definition,
    code: str,
    *,
    budget: Budget | None = None,
    dataset: str | None = None,
) -> CheckRequest:
    """Return the check of one candidate for a problem.

    Raises:
        InvalidRequest: the problem is one that the harness skips; says why.
    """
    why = problem.skipped_because
    if why is not None:
        raise InvalidRequest(f"{problem.name} is skipped: {why}", field="name")
    context = context_for(problem, dataset=dataset)
    return CheckRequest(
        context=context,
        statement=problem.statement,
        code=code,
        budget=budget or Budget(),
        metadata={"name": problem.name, "class": problem.problem_class.value},
    )


def by_name(problems: list[Definition]) -> dict[str, Definition]:
    """Index problems by full name.

    Raises:
        InvalidRequest: two problems share a name.
    """
    index: dict[str, Definition] = {}
    for problem in problems:
        if problem.name in index:
            raise InvalidRequest(f"problem {problem.name} occurs twice", field="name")
        index[problem.name] = problem
    return index


def find_problem(index: dict[str, Definition], candidate: Candidate) -> Definition:
    """Return the problem that a candidate names.

    Raises:
        NotFound: there is none of that name.
    """
    if candidate.name not in index:
        raise NotFound(f"no problem is called {candidate.name}", field="name")
    return index[candidate.name]
