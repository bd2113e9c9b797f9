"""Standard input and output, and streamable HTTP, both hardened against what clients send.

JSON can write half a surrogate pair, which no parser of ours takes: then a candidate's text would
cost its request, and on standard input nobody would be told. It becomes U+FFFD, which a checker
rejects.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

import anyio
import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aludel.errors import BackendUnavailable

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of a message. A candidate of the largest size fits, however JSON writes it."""
HOST = "127.0.0.1"
PATH = "/mcp"
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.S,
)
_ID = re.compile(rb'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,18})')
_HEAD = 65_536
_CONNECTIONS = 64
_GRACE_S = 2


def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve standard input and output until the client is gone; stdout is the protocol's alone."""
    _filter_stdin()
    try:
        anyio.run(server.run_stdio_async)
    except* BrokenPipeError:  # an answer that nobody waits for any more
        sys.stderr.write("aludel: the client is gone\n")
    finally:
        os.dup2(2, 1)  # a call that still goes on may print, and nobody need be there


def serve_http(server: MCPServer[Any], port: int, tell: Callable[[str], None]) -> None:
    """Serve this machine alone, until told to stop by a signal.

    No session is kept between requests but those of tactics, which have random names.

    Args:
        server: what answers.
        port: of the loopback; 0 takes a free one.
        tell: is told the address.

    Raises:
        BackendUnavailable: the port is taken.
    """
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        json_response=True,
        max_request_body_size=MAX_MESSAGE,
        host=HOST,
    )
    with _listen(port) as listener:
        tell(f"MCP at http://{HOST}:{listener.getsockname()[1]}{PATH} (Ctrl-C ends it)")
        config = uvicorn.Config(
            Readable(app),
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


class Readable:
    """An ASGI application whose requests hold JSON that parsers take, of bounded size."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            await Response("the message is too large", status_code=413)(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": readable(body)}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body; None for one that is too large, or whose client is gone."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > MAX_MESSAGE:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def readable(message: bytes) -> bytes:
    """Return JSON with U+FFFD for every half surrogate pair, each of them as long as before."""
    if not _HALF.search(message):
        return message
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], message)


def _filter_stdin() -> None:
    """Have standard input hold lines that are not too long, and JSON that parsers take."""
    source = os.fdopen(os.dup(0), "rb")
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    sink = os.fdopen(writing, "wb")
    threading.Thread(target=pump, args=(source, sink), name="stdin", daemon=True).start()


def pump(source: BinaryIO, sink: BinaryIO) -> None:
    """Copy lines until ``source`` ends, then close ``sink``.

    In the place of a line that is too long stands a call of a tool that is not there, under the
    same id: so its client is told.
    """
    with contextlib.suppress(BrokenPipeError), sink:
        while line := source.readline(MAX_MESSAGE + 1):
            if len(line) > MAX_MESSAGE:
                line = _instead(line, source)
            sink.write(readable(line))
            sink.flush()


def _instead(begun: bytes, source: BinaryIO) -> bytes:
    """Read a line to its end, and return what stands for it; nothing where it has no id."""
    head = recent = begun[:_HEAD]
    part = begun
    while part and not part.endswith(b"\n"):
        part = source.readline(_HEAD)
        recent = (recent + part)[-_HEAD:]
    found = _ID.search(head) or _ID.search(recent)
    if found is None:
        sys.stderr.write(f"aludel: a message of more than {MAX_MESSAGE} bytes was left out\n")
        return b""
    call = {"name": f"(a message of more than {MAX_MESSAGE} bytes)", "arguments": {}}
    shown = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "tools/call", "params": call})
    return shown.encode().replace(b'"id": 0', b'"id": ' + found[1], 1) + b"\n"


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise BackendUnavailable(
            f"port {port} cannot be had: {error.strerror}", field="--http", fix="choose another"
        ) from error
