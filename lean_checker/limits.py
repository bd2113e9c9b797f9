"""Requests that take more time or memory than they may."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from aludel.models import Usage
from aludel.protocols import Exhausted, Limit

_P = ParamSpec("_P")
_R = TypeVar("_R")


class LimitReached(Exception):
    """A request ran into its deadline or the memory cap; its process was killed.

    It says nothing about the machine, so it is no `AludelError`, and it never leaves this package:
    a check turns it into *undecided*, the other operations into :class:`Exhausted`.
    """

    def __init__(self, message: str, *, limit: Limit, usage: Usage) -> None:
        super().__init__(message)
        self.message = message
        self.limit = limit
        self.usage = usage


def limits_as_values(ask: Callable[_P, _R]) -> Callable[_P, _R | Exhausted]:
    """Return ``ask`` with a reached limit as its value."""

    @functools.wraps(ask)
    def asked(*args: _P.args, **named: _P.kwargs) -> _R | Exhausted:
        try:
            return ask(*args, **named)
        except LimitReached as reached:
            return Exhausted(reached.limit, reached.message, reached.usage)

    return asked
