"""Aludel: formal proof data and verification.

The contract shared by every part of the service: requests, verdicts, errors, settings.
"""

from typing import TYPE_CHECKING, Any

from aludel.errors import (
    AludelError,
    BackendCrashed,
    BackendUnavailable,
    Conflict,
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

if TYPE_CHECKING:
    from aludel.client import AsyncClient, Client

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


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class
    """Import the clients when they are asked for: servers and workers do without httpx."""
    if name in ("AsyncClient", "Client"):
        from aludel import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
