"""Exports of Lean put to the service's own kernel: ``Client.kernel`` and ``Client.compare``."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.client.transport import Call, Flow, fetch
from aludel.errors import InvalidRequest
from aludel.http_models import MAX_EXPORT_S, ComparisonOutcome, KernelOutcome

Export = str | bytes
"""What lean4export writes, as a text or as the bytes of a file."""

_READ_S = MAX_EXPORT_S + 60.0
_NDJSON = {"Content-Type": "application/x-ndjson"}


def check_export(export: Export, steps: int) -> Flow[KernelOutcome]:
    """Have an export checked."""
    # Half a surrogate pair is sent as bytes that the kernel refuses, as those of a file are.
    content = export.encode(errors="surrogatepass") if isinstance(export, str) else export
    call = Call(
        "POST",
        "/v1/kernel",
        params={"steps": steps},
        content=content,
        headers=_NDJSON,
        read_s=_READ_S,
    )
    return fetch(KernelOutcome, call)


def compare_exports(
    challenge: Export,
    solution: Export,
    theorems: Sequence[str],
    axioms: Sequence[str],
    steps: int,
) -> Flow[ComparisonOutcome]:
    """Have two exports compared."""
    body = {
        "challenge": _text(challenge, "challenge"),
        "solution": _text(solution, "solution"),
        "theorems": list(theorems),
        "axioms": list(axioms),
        "steps": steps,
    }
    call = Call("POST", "/v1/compare", json=body, read_s=_READ_S)
    return fetch(ComparisonOutcome, call)


def _text(export: Export, field: str) -> str:
    try:
        return (export.encode() if isinstance(export, str) else export).decode()
    except UnicodeError as error:
        raise InvalidRequest(
            "the export is not UTF-8", field=field, fix="export it again with lean4export"
        ) from error
