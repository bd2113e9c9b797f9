"""Middleware of every request: a size limit, a request id and a log line."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aludel.api.problem_details import problem, too_large
from aludel.metrics import REQUEST_SECONDS, REQUESTS

REQUEST_ID = "X-Request-ID"
_LOGGED = ("job", "key")
# A body may take this long, and longer if it comes at this rate.
_PATIENCE_S = 20.0
_SLOWEST_BYTES_S = 100_000.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_SESSION_PATHS = "/v1/goals"
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

_log = logging.getLogger("aludel.requests")


class BodyLimit:
    """Refuses bodies that are too large or too slow, declared or not, before they are held."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal():
            answer = problem("invalid_request", 400, "the Content-Length is not a number")
            await answer(scope, receive, send)
            return
        complaint = f"the body has more than {self._max_bytes} bytes"
        if int(declared) > self._max_bytes:
            await too_large(complaint)(scope, receive, send)
            return
        seen, whole, begun = 0, False, time.monotonic()

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:
                return await receive()  # until the client leaves
            # Who sends slowly must not hold a connection for ever.
            allowed = begun + _PATIENCE_S + seen / _SLOWEST_BYTES_S
            try:
                message = await asyncio.wait_for(receive(), allowed - time.monotonic())
            except TimeoutError as error:
                raise HTTPException(408, "the body came too slowly") from error
            whole = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise HTTPException(413, complaint)
            return message

        await self._app(scope, counted, send)


class RequestLog:
    """Gives each request an id, returns it, and logs one line without the request's content."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        begun = time.perf_counter()
        status = 500

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            await self._app(scope, receive, named)
        finally:
            _count(scope, status, time.perf_counter() - begun)
            _log.info(
                "request",
                extra={
                    "request": request_id,
                    "method": scope["method"],
                    "path": _shown_path(scope),
                    "status": status,
                    "ms": round(1000 * (time.perf_counter() - begun), 1),
                    **{k: v for k, v in scope.get("state", {}).items() if k in _LOGGED},
                },
            )


def _shown_path(scope: Scope) -> str:
    """Return the path for the log; who knows a session's id could otherwise go on with it."""
    path: str = scope["path"]
    if not path.startswith(_SESSION_PATHS):
        return path
    return str(getattr(scope.get("route"), "path", _SESSION_PATHS))


def _count(scope: Scope, status: int, seconds: float) -> None:
    # A method is any word that a client chose; only the known ones may become labels.
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(method, str(status)).inc()
    if not scope["path"].endswith("/events"):
        REQUEST_SECONDS.observe(seconds)
