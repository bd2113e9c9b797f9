"""Whose work a thread is doing, where one client's work must not touch another's.

Whoever carries out a request says whose it is; pools and caches of provers look here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_TENANT: ContextVar[str] = ContextVar("aludel_tenant", default="")


def current_tenant() -> str:
    """Return the tenant that this thread works for; empty for nobody in particular."""
    return _TENANT.get()


@contextlib.contextmanager
def working_for(tenant: str | None) -> Iterator[None]:
    """Have everything in the block, in this thread, done for ``tenant``."""
    token = _TENANT.set(tenant or "")
    try:
        yield
    finally:
        _TENANT.reset(token)


def for_same_tenant(function: Callable[P, T]) -> Callable[P, T]:
    """Return ``function`` such that other threads run it for the tenant of this one."""
    tenant = current_tenant()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with working_for(tenant):
            return function(*args, **kwargs)

    return run
