"""Aludel: formal proof data and verification with Lean 4 and F*.

Check a candidate in this process (``aludel toolchain install`` brings a Lean)::

    from aludel import Lean

    with Lean() as lean:
        verdict = lean.check("theorem two : 1 + 1 = 2 := rfl")
    assert verdict.kind == "accepted"

Check many, in their order, as they are judged::

    from aludel import CheckRequest, Lean

    texts = ["theorem a : 1 = 1 := rfl", "theorem b : 1 = 2 := rfl"]
    with Lean() as lean:
        items = list(lean.check_many(CheckRequest(code=text) for text in texts))
    assert [item.verdict.kind for item in items] == ["accepted", "rejected"]

Prove step by step::

    from aludel import Lean

    with Lean() as lean, lean.open("theorem swap (p q : Prop) : p ∧ q → q ∧ p") as proof:
        proof.step("intro ⟨a, b⟩")
        proof.step("exact ⟨b, a⟩")
        assert proof.goals == () and proof.check().kind == "accepted"

Make new theorems from those of the library, each accepted by Lean::

    from aludel import Lean

    with Lean() as lean:
        variants = list(lean.mutate("Nat.add_comm", limit=2))
    assert len(variants) == 2

Check F*::

    from aludel import FStar

    with FStar() as fstar:
        verdict = fstar.check("module Candidate\\nlet two : int = 1 + 1\\n")
    assert verdict.kind == "accepted"

Ask a service (``aludel serve``); `AsyncClient` is its twin::

    from aludel import Client

    with Client("http://127.0.0.1:8321") as client:
        verdict = client.check("theorem two : 1 + 1 = 2 := rfl")
    assert verdict.kind == "accepted"

A verdict is `Accepted`, `Rejected` or `Undecided`; whatever else goes wrong is an `AludelError`.

Names are imported when they are asked for: ``import aludel`` alone costs a millisecond or two.
"""

from importlib import import_module
from types import ModuleType
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
    from aludel.fstar import FStar
    from aludel.lean import Lean
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
    "FStar",
    "FStarContext",
    "InvalidRequest",
    "Lean",
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
_PROVERS = {"FStar": "fstar", "Lean": "lean"}  # modules, named as the extras that they need


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class or a function
    """Import a public name from its home when it is asked for.

    Raises:
        AttributeError: there is none of that name.
        ExtraMissing: its extra is not installed; the message has the command.
    """
    if name in _PROVERS:
        return getattr(_prover_module(_PROVERS[name]), name)
    if name in __all__:
        for home in _HOMES:
            module = import_module(f"{__name__}.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _prover_module(extra: str) -> ModuleType:
    try:
        return import_module(f"{__name__}.{extra}")
    except ImportError as error:
        missing = import_module(f"{__name__}.distribution").extra_of(error, extra)
        if missing is None:
            raise
        raise missing from error


def __dir__() -> list[str]:
    """List the public names, those not imported yet included."""
    return sorted({*globals(), *__all__})
