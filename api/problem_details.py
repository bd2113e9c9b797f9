"""Problem details (RFC 9457), the form of every error over HTTP."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from aludel.api.text import TextRefused
from aludel.errors import AludelError, QueueFull, Unauthorized
from aludel.http_models import PROBLEM_TYPE, ProblemDetails

MEDIA_TYPE = "application/problem+json"
# Parts of a validation error's location that name no field of the caller's: where the value was,
# and which of several forms it was taken for, by what stands before.
_PLACES = frozenset({"body", "query", "path", "header"})
_FORMS = {"body": frozenset({"one", "batch"}), "context": frozenset({"lean", "fstar"})}


def problem(
    code: str,
    status: int,
    detail: str,
    *,
    field: str | None = None,
    fix: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return the response that states a problem."""
    body = ProblemDetails(
        type=PROBLEM_TYPE + code,
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        field=field,
        fix=fix,
    )
    content = body.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def problem_of(error: AludelError) -> JSONResponse:
    """Return the response that states ``error``."""
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, QueueFull):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return problem(
        error.code,
        error.http_status,
        error.message,
        field=error.field,
        fix=error.fix,
        headers=headers,
    )


def too_large(detail: str) -> JSONResponse:
    """Return the response to a body that is too large; the rest of it is not read."""
    return problem(
        "request_too_large",
        413,
        detail,
        field="body",
        fix="split the batch",
        headers={"Connection": "close"},
    )


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem."""

    @app.exception_handler(AludelError)
    def _ours(_: Request, error: AludelError) -> JSONResponse:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        # A key that is misspelt is why another one is missing.
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
        message = str(first["msg"])
        if first["type"] == "extra_forbidden":
            fix = "leave it out, or spell it as /openapi.json does"
            return problem(
                "invalid_request", 422, "unknown key", field=_field(first["loc"]), fix=fix
            )
        if first["type"] == "json_invalid":
            return problem("invalid_request", 400, f"the body is not JSON: {message}", field="body")
        return problem("invalid_request", 422, message, field=_field(first["loc"]))

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        return _problem_of_status(error)

    @app.exception_handler(Exception)
    def _unexpected(_: Request, __: Exception) -> JSONResponse:
        return problem(
            "internal_error", 500, "an unexpected error", fix="see the server's log, and report it"
        )


def _problem_of_status(error: HTTPException) -> JSONResponse:
    status, detail = error.status_code, str(error.detail)
    if status == 413:
        return too_large(detail)
    if isinstance(error, TextRefused):
        return problem("invalid_request", 422, detail, field=error.field, fix="send plain text")
    if status == 400:  # the one error that FastAPI itself raises: the body cannot be read
        return problem(
            "invalid_request", 400, f"the body is not JSON in UTF-8: {detail}", field="body"
        )
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return problem(code, status, detail, headers=dict(error.headers or {}))


def _field(location: tuple[int | str, ...]) -> str:
    named = [
        str(part)
        for before, part in zip((None, *location), location, strict=False)
        if not (before is None and part in _PLACES)
        and part not in _FORMS.get(str(before), frozenset())
    ]
    return ".".join(named) or "body"
