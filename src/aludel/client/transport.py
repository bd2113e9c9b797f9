"""One request of the client: sending, repeating, and mapping refusals to errors.

A *flow* is a generator that yields what shall happen (a call, a pause) and is sent the answer to
each call. It does no input or output itself, so that the blocking and the awaiting client share it.
:func:`exchange` turns a flow into one that is sent whatever came, faults included.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from aludel.errors import (
    AludelError,
    BackendUnavailable,
    InvalidRequest,
    QueueFull,
    ToolchainMissing,
)
from aludel.http_models import MAX_PAGE, PROBLEM_TYPE, ProblemDetails

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 20.0
_TRANSIENT = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Call:
    """A request to be sent, with a body of JSON or of bytes.

    ``read_s`` is how long its answer may take.
    """

    method: str
    path: str
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Time to let pass, in seconds."""

    seconds: float


Answer = httpx.Response | httpx.TransportError | None
Flow = Generator[Call | Pause, httpx.Response | None, T]
Exchange = Generator[Call | Pause, Answer, T]


def answer_to(call: Call) -> Flow[httpx.Response]:
    """Send ``call`` and return its answer, which is no refusal."""
    answer = yield call
    assert answer is not None  # noqa: S101 - only a pause has none
    return answer


def fetch(model: type[M], call: Call) -> Flow[M]:
    """Send ``call`` and return the body of its answer as ``model``."""
    return parsed(model, (yield from answer_to(call)))


def exchange(flow: Flow[T], retries: int) -> Exchange[T]:
    """Carry out ``flow``, each call repeated after faults that pass; raises as :func:`ask`."""
    answer: httpx.Response | None = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration as end:
            done: T = end.value
            return done
        answer = None
        if isinstance(step, Call):
            answer = yield from ask(step, retries)
        else:
            yield step


def ask(call: Call, retries: int) -> Exchange[httpx.Response]:
    """Send ``call`` until it is answered; again after faults that pass, with growing pauses.

    Every call of the client is safe to repeat: submissions carry an idempotency key.

    Raises:
        AludelError: the service refuses; the class that the problem names.
        BackendUnavailable: it does not answer, even to the last retry.
    """
    pause = _FIRST_PAUSE_S
    for attempt in range(retries + 1):
        answer = yield call
        if answer is None or isinstance(answer, httpx.TransportError):
            error: AludelError = BackendUnavailable(
                f"the service does not answer: {answer}", fix="start it (aludel serve)"
            )
        elif answer.is_success:
            return answer
        else:
            error = error_of(answer)
        if attempt == retries or not _passes(answer, error):
            raise error
        asked = error.retry_after_s if isinstance(error, QueueFull) else 0.0
        # Jitter keeps many clients from coming back in step.
        yield Pause(max(asked, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - not a secret
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    raise AssertionError("unreachable")  # pragma: no cover


def idempotent(key: str | None) -> dict[str, str]:
    """Return the header with which a submission can be repeated; None makes a key."""
    return {"Idempotency-Key": key or uuid.uuid4().hex}


def page_of(cursor: str | int | None) -> Mapping[str, str | int]:
    """Return the parameters that ask for the page at ``cursor``, None for the first."""
    return {"limit": MAX_PAGE} | ({} if cursor is None else {"cursor": cursor})


def client_options(url: str, key: str | None) -> dict[str, Any]:
    """Return what the httpx clients are made with.

    Raises:
        InvalidRequest: ``url`` is no address.
    """
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidRequest(f"{url!r} is no address: {error}", field="url") from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise InvalidRequest(f"{url!r} is no address", field="url", fix="write http://HOST:PORT")
    return {
        "base_url": parts,
        "headers": {"Authorization": f"Bearer {key}"} if key else {},
        "limits": httpx.Limits(max_connections=None),
    }


def request_of(call: Call) -> dict[str, Any]:
    """Return ``call`` as arguments of httpx's ``request``."""
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.params),
        "json": call.json,
        "content": call.content,
        "headers": dict(call.headers),
        "timeout": httpx.Timeout(10.0, read=call.read_s, write=60.0),
    }


def parsed(model: type[M], answer: httpx.Response) -> M:
    """Return the body of ``answer`` as ``model``.

    Raises:
        BackendUnavailable: it is something else.
    """
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise BackendUnavailable(
            f"the service's answer is not a valid {model.__name__}: {error.errors()[0]['msg']}",
            fix="check the address and the version of the service",
        ) from error


def error_of(answer: httpx.Response) -> AludelError:
    """Return the error that an unsuccessful ``answer`` states."""
    try:
        problem = ProblemDetails.model_validate_json(answer.content)
    except ValidationError:
        return BackendUnavailable(
            f"the service answers {answer.status_code} without saying why",
            fix="check the address: is there a proxy before the service?",
        )
    code = problem.type.removeprefix(PROBLEM_TYPE)
    kind = _BY_CODE.get(code, BackendUnavailable if answer.status_code >= 500 else AludelError)
    if issubclass(kind, QueueFull):
        return kind(problem.detail, retry_after_s=_retry_after(answer))
    return kind.told(problem.detail, problem.field, problem.fix)


def _passes(answer: Answer, error: AludelError) -> bool:
    if isinstance(error, ToolchainMissing):
        return False
    return (
        answer is None
        or isinstance(answer, httpx.TransportError)
        or answer.status_code in _TRANSIENT
    )


def _retry_after(answer: httpx.Response) -> float:
    given = answer.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else 1.0


def _subclasses(kind: type[AludelError]) -> dict[str, type[AludelError]]:
    found = {kind.code: kind}
    for child in kind.__subclasses__():
        found |= _subclasses(child)
    return found


_BY_CODE = _subclasses(AludelError)
