"""The ``--ide`` protocol: banner, queries, messages and responses as values.

F* answers one JSON object a line. Nothing here trusts a shape: what does not parse is a
:class:`ProtocolError`, which the session turns into an infrastructure failure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["success", "failure", "protocol-violation"]
STATUSES = ("success", "failure", "protocol-violation")
INPUT = "<input>"


class ProtocolError(Exception):
    """A line that is not what the protocol promises; never leaves this package."""


@dataclass(frozen=True)
class Banner:
    """F*'s first line. Features are read from it, never assumed."""

    version: int
    features: frozenset[str]


@dataclass(frozen=True)
class Range:
    """A source range: lines from 1, columns from 0."""

    file: str
    begin: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True)
class Issue:
    """One problem that F* reports; ``number`` only in newer versions."""

    level: str
    message: str
    ranges: tuple[Range, ...] = ()
    number: int | None = None

    @property
    def is_error(self) -> bool:
        """Whether it makes the fragment wrong (judge by this, not by the status: ``peek`` lies)."""
        return self.level in ("error", "not-implemented")


@dataclass(frozen=True)
class Response:
    """The answer to one query. ``messages`` are the info lines that came before it."""

    status: Status
    body: Any
    messages: tuple[str, ...] = ()

    @property
    def issues(self) -> tuple[Issue, ...]:
        """The issues of a ``push``; empty when the body is none."""
        return tuple(_issue(i) for i in self.body) if isinstance(self.body, list) else ()


def query_line(query_id: str, query: str, args: dict[str, Any]) -> str:
    """Return one query as a line, without the line break."""
    return json.dumps({"query-id": query_id, "query": query, "args": args})


def parse_banner(line: str) -> Banner:
    """Read the ``protocol-info`` line.

    Raises:
        ProtocolError: it is something else.
    """
    value = parse_object(line)
    if value.get("kind") != "protocol-info":
        raise ProtocolError(f"the first line is not a protocol-info object: {line[:200]!r}")
    version, features = value.get("version"), value.get("features")
    if not isinstance(version, int) or not isinstance(features, list):
        raise ProtocolError(f"the banner lacks version or features: {line[:200]!r}")
    return Banner(version, frozenset(str(f) for f in features))


def parse_object(line: str) -> dict[str, Any]:
    """Parse one line as a JSON object.

    Raises:
        ProtocolError: it is not one.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {line[:200]!r}") from error
    if not isinstance(value, dict):
        raise ProtocolError(f"not a JSON object: {line[:200]!r}")
    return value


def parse_response(value: dict[str, Any], messages: tuple[str, ...]) -> Response:
    """Read a ``response`` object.

    Raises:
        ProtocolError: its status or its issues do not fit.
    """
    status = value.get("status")
    if status not in STATUSES:
        raise ProtocolError(f"unknown status {status!r}")
    response = Response(status, value.get("response"), messages)
    if isinstance(response.body, list) and not all(isinstance(i, dict) for i in response.body):
        raise ProtocolError("the response's issues are not objects")
    response.issues  # noqa: B018 - parsed here so that a bad range fails here
    return response


def _issue(value: dict[str, Any]) -> Issue:
    number = value.get("number")
    try:
        ranges = tuple(
            Range(str(r["fname"]), _point(r["beg"]), _point(r["end"]))
            for r in value.get("ranges") or ()
        )
        level, message = str(value["level"]), str(value["message"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ProtocolError(f"an issue does not fit the protocol: {str(value)[:200]}") from error
    return Issue(level, message, ranges, number if isinstance(number, int) else None)


def _point(value: list[Any]) -> tuple[int, int]:
    return int(value[0]), int(value[1])
