"""Whether an acceptance is good enough to leave: as a receipt, in an export, as a reward."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.errors import Conflict
from aludel.models import Accepted, Verdict

NATIVE_AXIOMS = frozenset({"Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler"})
"""What a proof by compiled code rests on; no second kernel can check one."""


def one_kernel_alone(verdict: Verdict) -> bool:
    """Whether one kernel alone accepted a proof that two could have.

    Proofs by compiled code are the exception: their axioms say what they rest on. F* has one
    checker, and verdicts of versions that named no kernels are told by that.
    """
    if not isinstance(verdict, Accepted) or NATIVE_AXIOMS.intersection(verdict.axioms):
        return False
    return len(verdict.evidence.kernels) == 1


def axioms_in_words(axioms: Sequence[str], hidden: int | None) -> str:
    """Say what a proof rests on; ``hidden`` theorems of the imports were taken by their types."""
    if not hidden:
        return f"axioms {', '.join(axioms) or 'none'}"
    theorems = "1 imported theorem" if hidden == 1 else f"{hidden} imported theorems"
    return f"axioms {', '.join(axioms) or 'none of its own'}; {theorems} by type only"


def ensure_two_kernels(verdict: Verdict) -> None:
    """Refuse to vouch for what one kernel alone accepted.

    Raises:
        Conflict: it did.
    """
    if one_kernel_alone(verdict):
        raise Conflict(
            "one kernel alone accepted the proof",
            field="policy.second_kernel",
            fix="check it with `require`, the default",
        )


def ensure_confirmed(verdict: Verdict) -> None:
    """Refuse to vouch for a proof of which only the process that read others says whose it is.

    Raises:
        Conflict: no fresh process has confirmed that the text holds the proof.
    """
    if isinstance(verdict, Accepted) and verdict.evidence.attribution == "elaborator":
        raise Conflict(
            "no process that saw this candidate alone has confirmed that its text holds the proof",
            field="tier",
            fix="check it in the tier `replay`",
        )
