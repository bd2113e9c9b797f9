"""Framing of the Lean server's protocol: lines over pipes, and the envelopes they hold.

The format is fixed in ``docs/reference/lean-server-protocol.md``. Nothing here knows what a request
means; whatever is not a well-formed line of the protocol is a :class:`WireError`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 16 * 2**20
_CHUNK_BYTES = 2**16
_MOST = 2**53  # of milliseconds and heartbeats: what every reader of JSON takes


class WireError(Exception):
    """The other side said something that is not a line of the protocol."""


class WireClosed(WireError):
    """The other side closed its end."""


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_T = TypeVar("_T", bound=_Envelope)


class Ready(_Envelope):
    """First line of a server; fields that only inform are let through."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    ready: bool
    lean: str
    commit: str
    protocol: int


class StreamedItem(_Envelope):
    """One element of a streamed reply."""

    id: str
    item: dict[str, Any]


class Done(_Envelope):
    """End of a request that was carried out; ``ms`` inside Lean, heartbeats in thousands."""

    id: str
    ok: bool
    ms: float = Field(ge=0, le=_MOST)
    heartbeats: int | None = Field(default=None, ge=0, le=_MOST)
    result: dict[str, Any]


class Refusal(_Envelope):
    """Why a request was not carried out."""

    code: str
    message: str
    field: str | None = None


class Refused(_Envelope):
    """End of a request that was not carried out."""

    id: str
    ok: bool
    ms: float = Field(default=0, ge=0, le=_MOST)
    heartbeats: int | None = Field(default=None, ge=0, le=_MOST)
    error: Refusal


def encode(message: dict[str, Any], attached: Mapping[str, bytes] | None = None) -> bytes:
    """Return the line that carries ``message``, and fields that are JSON already."""
    line = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    fields = [f',"{name}":'.encode() + value for name, value in (attached or {}).items()]
    return b"".join([line[:-1], *fields, b"}\n"])


def parse_ready(line: bytes) -> Ready:
    """Parse a server's first line.

    Raises:
        WireError: it is not one, or speaks another version of the protocol.
    """
    ready = _parse(line, Ready)
    if not ready.ready or ready.protocol != PROTOCOL_VERSION:
        raise WireError(f"a server of protocol {ready.protocol}, not {PROTOCOL_VERSION}")
    return ready


def parse_reply(line: bytes, request_id: str) -> StreamedItem | Done | Refused:
    """Parse one line of the answer to the request ``request_id``.

    Raises:
        WireError: it is not one; an echoed id that differs counts as that too.
    """
    fields = _load(line)
    model: type[StreamedItem | Done | Refused]
    if "item" in fields:
        model = StreamedItem
    elif fields.get("ok") is True:
        model = Done
    else:
        model = Refused
    reply = _validate(fields, model)
    if reply.id != request_id:
        raise WireError("an answer to another request")
    return reply


def _parse(line: bytes, model: type[_T]) -> _T:
    return _validate(_load(line), model)


def _load(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line)
        if b"\\ud" in line.lower():
            json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair has no bytes
    except (ValueError, RecursionError) as error:
        raise WireError(f"a line that is not JSON: {line[:80]!r}") from error
    if not isinstance(fields, dict):
        raise WireError(f"a line that is not a JSON object: {line[:80]!r}")
    return fields


def _validate(fields: dict[str, Any], model: type[_T]) -> _T:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WireError(f"an odd {model.__name__.lower()} line: {where}: {first['msg']}") from error


class LineChannel:
    """Lines to and from one process over two pipes, without ever blocking on either.

    Not thread-safe; the pipes' own ends stay with whoever opened them.
    """

    def __init__(self, stdin_fd: int, stdout_fd: int) -> None:
        self._stdin = stdin_fd
        self._stdout = stdout_fd
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._scanned = 0
        self._selector = selectors.DefaultSelector()
        for fd in (stdin_fd, stdout_fd):
            os.set_blocking(fd, False)
        self._selector.register(stdout_fd, selectors.EVENT_READ)

    def send(self, line: bytes) -> None:
        """Queue ``line``; :meth:`poll_line` writes it."""
        if not self._outgoing:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
        self._outgoing += line

    def poll_line(self, timeout: float) -> bytes | None:
        """Move bytes both ways for at most ``timeout`` seconds; return a line if one is whole.

        Returns early, with None, whenever some bytes moved.

        Raises:
            WireClosed: the other side closed its end.
            WireError: a line longer than :data:`MAX_LINE_BYTES`.
        """
        line = self._take_line()
        if line is not None:
            return line
        for key, _ in self._selector.select(timeout):
            if key.fd == self._stdout:
                self._read()
            else:
                self._write()
        return self._take_line()

    @property
    def quiet(self) -> bool:
        """Whether nothing waits to be read: neither bytes nor the end of the stream."""
        return not self._incoming and not self._selector.select(0)

    def close(self) -> None:
        """Forget both pipes, without closing them."""
        with contextlib.suppress(OSError):
            self._selector.close()

    def _take_line(self) -> bytes | None:
        end = self._incoming.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._incoming)
            if self._scanned > MAX_LINE_BYTES:
                raise WireError(f"a line of more than {MAX_LINE_BYTES} bytes")
            return None
        line = bytes(self._incoming[:end])
        del self._incoming[: end + 1]
        self._scanned = 0
        return line

    def _read(self) -> None:
        chunk = os.read(self._stdout, _CHUNK_BYTES)
        if not chunk:
            raise WireClosed("the process closed its output")
        self._incoming += chunk

    def _write(self) -> None:
        try:
            written = os.write(self._stdin, self._outgoing[:_CHUNK_BYTES])
        except BrokenPipeError as error:
            raise WireClosed("the process closed its input") from error
        del self._outgoing[:written]
        if not self._outgoing:
            self._selector.unregister(self._stdin)
