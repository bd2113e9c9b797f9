"""The gate before every request: hosts, origins and keys are checked before a body is read."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from aludel.api.problem_details import problem, problem_of
from aludel.errors import AludelError, Unauthorized
from aludel.settings import Settings
from aludel.store import ApiKey, Store

HOW = "send Authorization: Bearer KEY; aludel keys create makes one"
# The state of a request in which the gate leaves the key that it found.
KEY = "api_key"
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
_SCHEME = "bearer "


class Gate:
    """Refuses requests by their head alone, so that a stranger's body costs nothing.

    Without keys, whoever reaches the service may use it, and the service answers by loopback
    names only: a web page that makes a browser believe that its own name is 127.0.0.1 (DNS
    rebinding) sends that name as ``Host``, and its own address as ``Origin``.

    Args:
        app: the application behind the gate.
        settings: whether keys are needed, and by which names the service may be called.
        store: the keys.
    """

    def __init__(self, app: ASGIApp, settings: Settings, store: Store) -> None:
        self._app = app
        self._settings = settings
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = None
        if not self._settings.require_key:
            refusal = _misdirected(headers, self._settings)
        elif scope["method"] not in _WITHOUT_BODY:
            try:
                key = await run_in_threadpool(known_key, headers, self._store)
                scope.setdefault("state", {})[KEY] = key
            except AludelError as error:
                refusal = problem_of(error)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        refusal.headers["Connection"] = "close"  # the body stays unread
        await refusal(scope, receive, send)


def known_key(headers: Headers, store: Store) -> ApiKey:
    """Return the key that a request shows.

    Raises:
        Unauthorized: it shows none, or one that is unknown or revoked.
        StoreError: the database cannot be read.
    """
    shown = headers.get("authorization", "")
    if not shown.lower().startswith(_SCHEME):
        raise Unauthorized("an API key is needed", field="Authorization", fix=HOW)
    key = store.keys.find(shown[len(_SCHEME) :].strip())
    if key is None:
        raise Unauthorized("the API key is unknown or revoked", field="Authorization", fix=HOW)
    return key


def _misdirected(headers: Headers, settings: Settings) -> JSONResponse | None:
    """Return the refusal of a request that was sent to another name, or by another page."""
    hosts = headers.getlist("host")
    named = _name(f"//{hosts[0]}") if len(hosts) == 1 else None
    if named is None or not _is_ours(named, settings):
        return problem(
            "misdirected_request",
            421,
            "this service does not answer under that name",
            field="Host",
            fix="call it as 127.0.0.1 or localhost; its operator may allow names "
            "(ALUDEL_ALLOWED_HOSTS) or demand keys (ALUDEL_REQUIRE_KEY)",
        )
    origin = headers.get("origin")
    if origin is None or ((page := _name(origin)) is not None and _is_ours(page, settings)):
        return None
    return problem(
        "forbidden", 403, "requests of other web pages are refused", field="Origin",
        fix="its operator may allow the page's host (ALUDEL_ALLOWED_HOSTS)",
    )  # fmt: skip


def _name(address: str) -> str | None:
    """Return the host that an address names, in lower case without its port."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _is_ours(name: str, settings: Settings) -> bool:
    if name in ("localhost", settings.host.lower()) or name.endswith(".localhost"):
        return True
    if name in settings.allowed_hosts.lower().split():
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
