"""Aludel: formal proof data and verification.

The contract shared by every part of the service: requests, verdicts, errors, settings. Names are
imported when they are asked for: ``import aludel`` alone costs a millisecond or two.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aludel.client import AsyncClient, Client
    from aludel.errors import (
        AludelError,
        BackendCrashed,
        BackendUnavailable,
        Conflict,
        ExtraMissing,
        InvalidRequest,
        NotFound,
        QueueFull,
        StoreError,
        ToolchainMissing,
    )
    from aludel.models import (
        Accepted,
        Budget,
        CheckRequest,
        Diagnostic,
        Evidence,
        FStarContext,
        LeanContext,
        Policy,
        Position,
        Prover,
        Rejected,
        RejectReason,
        Severity,
        Toolchain,
        Undecided,
        UndecidedReason,
        Usage,
        Verdict,
        content_hash,
    )

__all__ = [
    "Accepted",
    "AludelError",
    "AsyncClient",
    "BackendCrashed",
    "BackendUnavailable",
    "Budget",
    "CheckRequest",
    "Client",
    "Conflict",
    "Diagnostic",
    "Evidence",
    "ExtraMissing",
    "FStarContext",
    "InvalidRequest",
    "LeanContext",
    "NotFound",
    "Policy",
    "Position",
    "Prover",
    "QueueFull",
    "RejectReason",
    "Rejected",
    "Severity",
    "StoreError",
    "Toolchain",
    "ToolchainMissing",
    "Undecided",
    "UndecidedReason",
    "Usage",
    "Verdict",
    "content_hash",
]

_HOMES = ("errors", "models", "client")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class or a function
    """Import a public name from its home when it is asked for."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"{__name__}.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
