"""Routes of kimina-lean-server, so that its clients can point at this service unchanged.

Sources: the payloads that its README and its client (``kimina-client`` 0.2.1) show. What it calls
valid is "no error message and no ``sorry``"; a candidate that is refused for another reason gets an
error message here, and ``verdict`` says it all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, model_validator

from aludel.api.auth import Caller, Submitter
from aludel.api.examples import KIMINA_CHECK_EXAMPLES, KIMINA_VERIFY_EXAMPLES
from aludel.api.infotrees import infotree_of
from aludel.api.service import ProjectQuery, Service, ServiceDep
from aludel.api.strays import Foreign
from aludel.api.text import StrictRoute
from aludel.http_models import MAX_BATCH
from aludel.jobs import Item, Job
from aludel.models import (
    MAX_WALL_S,
    Accepted,
    Budget,
    CandidateText,
    CheckRequest,
    Diagnostic,
    LeanContext,
    Rejected,
    RejectReason,
    Severity,
    Undecided,
    Verdict,
)
from aludel.open_goals import goal_of
from aludel.proof_states import ProofTrace

router = APIRouter(route_class=StrictRoute, tags=["kimina-lean-server"])

_MAX_SECONDS = int(MAX_WALL_S)
# A snippet that declares nothing claims nothing: commands like `#check` are no errors.
_SILENT = (RejectReason.SORRY, RejectReason.MISSING_DECLARATION)
_START = {"line": 1, "column": 0}
_NOT_ACCEPTED = "only accepted candidates have tactic states"
_NO_PROVER = "this service has no prover of its own, which tactic states come from"
_Infotree = Literal["full", "tactics", "original", "substantive"] | None


class Snippet(Foreign):
    """A candidate, and the client's name for it."""

    id: str = Field(max_length=1_000)
    code: CandidateText


class SnippetBatch(Foreign):
    """``POST /api/check``. ``reuse`` is taken and makes no difference.

    ``infotree`` asks for the tactic states of what is accepted; its four values mean the same here.
    """

    snippets: tuple[Snippet, ...] = Field(min_length=1, max_length=MAX_BATCH)
    timeout: int = Field(default=30, ge=0, le=_MAX_SECONDS)
    debug: bool = False
    reuse: bool = True
    infotree: _Infotree = None

    @model_validator(mode="after")
    def _distinct(self) -> SnippetBatch:
        if len({snippet.id for snippet in self.snippets}) != len(self.snippets):
            raise ValueError("two snippets have the same id")
        return self


class Code(Foreign):
    """A candidate of the older route; its text is in ``proof`` or in ``code``."""

    custom_id: str | int
    proof: CandidateText | None = None
    code: CandidateText | None = None

    @model_validator(mode="after")
    def _has_text(self) -> Code:
        if self.proof is None and self.code is None:
            raise ValueError("proof or code must be given")
        return self


class CodeBatch(Foreign):
    """``POST /verify``."""

    codes: tuple[Code, ...] = Field(min_length=1, max_length=MAX_BATCH)
    timeout: int = Field(default=300, ge=0, le=_MAX_SECONDS)
    infotree_type: _Infotree = None
    disable_cache: bool = False


class SnippetResult(BaseModel):
    """The result of a snippet: Lean's ``response``, or ``error`` when there is none.

    Attributes:
        time: seconds.
        verdict: this service's own word, stricter than the rest; see the reference of verdicts.
        infotree_missing: why an ``infotree`` that was asked for is not in the ``response``.
    """

    id: str
    time: float = 0.0
    error: str | None = None
    response: dict[str, Any] | None = None
    diagnostics: dict[str, str | float] | None = None
    verdict: Verdict | None = None
    infotree_missing: str | None = None


class SnippetResults(BaseModel):
    """The results, in the order of the snippets."""

    results: tuple[SnippetResult, ...]


class CodeResult(BaseModel):
    """The result of a code of the older route; ``response`` has the ``time``."""

    custom_id: str
    error: str | None = None
    response: dict[str, Any] | None = None
    verdict: Verdict | None = None
    infotree_missing: str | None = None


class CodeResults(BaseModel):
    """The results, in the order of the codes."""

    results: tuple[CodeResult, ...]


@router.post("/api/check", response_model_exclude_none=True)
@router.post("/api/check/", include_in_schema=False, response_model_exclude_none=True)
async def check(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    body: Annotated[SnippetBatch, Body(openapi_examples=KIMINA_CHECK_EXAMPLES)],
    project: ProjectQuery = None,
) -> SnippetResults:
    """Judge Lean snippets as kimina-lean-server does; answers when all are judged."""
    codes = [snippet.code for snippet in body.snippets]
    job, items = await _judged(service, caller, request, codes, body.timeout, project)
    results = [
        result_of(snippet.id, item, body.timeout)
        for snippet, item in zip(body.snippets, items, strict=True)
    ]
    if body.infotree is not None:
        results = await _with_infotrees(service, caller, results, body.timeout)
    if body.debug:
        results = [_with_diagnostics(result, job) for result in results]
    return SnippetResults(results=tuple(results))


@router.post("/verify", response_model_exclude_none=True)
@router.post(
    "/one_pass_verify_batch",
    operation_id="one_pass_verify_batch",
    response_model_exclude_none=True,
)
async def verify(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    body: Annotated[CodeBatch, Body(openapi_examples=KIMINA_VERIFY_EXAMPLES)],
    project: ProjectQuery = None,
) -> CodeResults:
    """Judge Lean snippets as the older routes of kimina-lean-server do."""
    codes = [code.code or "" if code.proof is None else code.proof for code in body.codes]
    _, items = await _judged(service, caller, request, codes, body.timeout, project)
    results = [
        result_of(str(code.custom_id), item, body.timeout)
        for code, item in zip(body.codes, items, strict=True)
    ]
    if body.infotree_type is not None:
        results = await _with_infotrees(service, caller, results, body.timeout)
    return CodeResults(results=tuple(map(_of_older_route, results)))


def _of_older_route(result: SnippetResult) -> CodeResult:
    response = result.response and {**result.response, "time": result.time}
    return CodeResult(
        custom_id=result.id,
        error=result.error,
        response=response,
        verdict=result.verdict,
        infotree_missing=result.infotree_missing,
    )


@router.get("/health")
def health() -> dict[str, str]:
    """Say that this process answers, as kimina-lean-server does."""
    return {"status": "ok"}


async def _judged(
    service: Service,
    caller: Caller,
    request: Request,
    codes: list[str],
    timeout: int,
    project: str | None,
) -> tuple[Job, list[Item]]:
    budget, context = Budget(wall_s=max(1, timeout)), LeanContext(project=project)
    requests = tuple(CheckRequest(context=context, code=code, budget=budget) for code in codes)
    return await service.judged(requests, caller, request, together=True)


async def _with_infotrees(
    service: Service, caller: Caller, results: list[SnippetResult], timeout: int
) -> list[SnippetResult]:
    """Return the results with the tactic states of those that were accepted."""
    hashes = [one.verdict.hash for one in results if isinstance(one.verdict, Accepted)]
    found: dict[str, ProofTrace | str] = {}
    if service.states is not None and hashes:
        wall_s = float(max(1, timeout))
        found = await run_in_threadpool(service.states.of, caller.key, hashes, wall_s)
    return [_with_infotree(one, found) for one in results]


def _with_infotree(result: SnippetResult, found: dict[str, ProofTrace | str]) -> SnippetResult:
    if not isinstance(result.verdict, Accepted) or result.response is None:
        return result.model_copy(update={"infotree_missing": _NOT_ACCEPTED})
    trace = found.get(result.verdict.hash, _NO_PROVER)
    if isinstance(trace, str):
        return result.model_copy(update={"infotree_missing": trace})
    return result.model_copy(
        update={"response": {**result.response, "infotree": infotree_of(trace)}}
    )


def result_of(name: str, item: Item, timeout: int) -> SnippetResult:
    """Return an item in kimina-lean-server's words."""
    verdict = item.verdict
    if verdict is None:
        return _without_verdict(name, item)
    seconds = round(verdict.usage.wall_s, 6)
    if isinstance(verdict, Undecided):
        why = f"Lean timed out in {timeout} seconds ({verdict.reason})"
        return SnippetResult(id=name, time=seconds, error=why, verdict=verdict)
    response = {"env": 0, "messages": _messages(verdict), "sorries": _sorries(verdict)}
    response = {key: value for key, value in response.items() if value != []}
    return SnippetResult(id=name, time=seconds, response=response, verdict=verdict)


def _without_verdict(name: str, item: Item) -> SnippetResult:
    failure = item.error
    if failure is not None and failure.code == "invalid_request":  # Lean cannot use its header
        text = f"{failure.field}: {failure.message}" if failure.field else failure.message
        return SnippetResult(id=name, response={"env": 0, "messages": [_error(text)]})
    return SnippetResult(id=name, error="no verdict" if failure is None else failure.message)


def _by_lean(verdict: Verdict) -> list[Diagnostic]:
    """Lean's own messages, where the place that our verdict points to is no error to Lean."""
    said = [found for found in verdict.diagnostics if goal_of(found) is None]
    if verdict.reason not in _SILENT:
        return said
    return [found for found in said if found.message != verdict.message]


def _messages(verdict: Verdict) -> list[dict[str, Any]]:
    found = [_message(diagnostic) for diagnostic in _by_lean(verdict)]
    if (
        isinstance(verdict, Rejected)
        and verdict.reason not in _SILENT
        and not any(message["severity"] == "error" for message in found)
    ):
        found.append(_error(f"aludel: {verdict.reason}: {verdict.message}"))
    return found


def _sorries(verdict: Verdict) -> list[dict[str, Any]]:
    goals = [(goal, found) for found in verdict.diagnostics if (goal := goal_of(found)) is not None]
    if not goals and verdict.reason is not RejectReason.SORRY:
        return []
    if not goals:  # their goals are not known, but where Lean warned of them is
        goals = [("", found) for found in _by_lean(verdict) if "sorry" in found.message]
    places = [(goal, _message(found)) for goal, found in goals]
    found = [
        {"pos": place["pos"], "endPos": place.get("endPos", place["pos"]), "goal": goal}
        for goal, place in places
    ]
    return found or [{"pos": _START, "endPos": _START, "goal": ""}]


def _message(diagnostic: Diagnostic) -> dict[str, Any]:
    message: dict[str, Any] = {
        "severity": diagnostic.severity.value,
        "pos": _START if diagnostic.start is None else diagnostic.start.model_dump(),
        "data": diagnostic.message,
    }
    if diagnostic.end is not None:
        message["endPos"] = diagnostic.end.model_dump()
    return message


def _error(text: str) -> dict[str, Any]:
    return {"severity": Severity.ERROR.value, "pos": _START, "endPos": _START, "data": text}


def _with_diagnostics(result: SnippetResult, job: Job) -> SnippetResult:
    found: dict[str, str | float] = {"repl_uuid": job.id}
    memory = None if result.verdict is None else result.verdict.usage.peak_memory_mb
    if memory is not None:
        found["memory_max"] = memory * 2**20
    return result.model_copy(update={"diagnostics": found})
