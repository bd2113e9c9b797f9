"""Theorems of Lean's library, restated and proved by themselves: all must be accepted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lean_checker.attacks.corpus import ACCEPTED, Case
from lean_checker.operations import LeanOperations
from lean_checker.pool import LeanPool

LIBRARY = "theorems of Init"
_IMPORTS = ("Init",)
_NAME = "aludel_restated"
_CHUNK = 500
# Side conditions that the conclusion does not determine are among the hypotheses.
_PROOF = (
    "by first | exact @{name} .. | (apply @{name} <;> assumption) "
    "| (intros; first | exact @{name} .. | (apply @{name} <;> assumption))"
)


@dataclass(frozen=True)
class Restated:
    """Cases made of theorems, and how many theorems have no form that elaborates back."""

    cases: list[Case]
    unprintable: int

    def figures(self) -> dict[str, int]:
        """The counts as one JSON object."""
        return {"restated": len(self.cases), "unprintable": self.unprintable}


def restated_theorems(pool: LeanPool, limit: int) -> Restated:
    """Restate theorems of Init, evenly spread over their names.

    Args:
        pool: Lean processes.
        limit: how many to take; all when negative.

    Raises:
        BackendUnavailable: the machine failed.
    """
    operations = LeanOperations(pool)
    names = operations.theorem_names(_IMPORTS)
    step = 1 if limit < 0 else max(1, len(names) // limit)
    chosen = names[::step] if limit < 0 else names[::step][:limit]
    chunks = [tuple(chosen[start : start + _CHUNK]) for start in range(0, len(chosen), _CHUNK)]
    with ThreadPoolExecutor(pool.size) as threads:
        printed = [
            theorem
            for part in threads.map(lambda chunk: operations.restate(chunk, _IMPORTS), chunks)
            for theorem in part
        ]
    cases = [_case(theorem.name, theorem.header) for theorem in printed]
    return Restated(cases, len(chosen) - len(cases))


def _case(name: str, header: str) -> Case:
    statement = f"theorem {_NAME}{header}"
    return Case(
        name=name,
        expect=(ACCEPTED,),
        imports=_IMPORTS,
        statement=statement,
        code=f"{statement} := {_PROOF.format(name=name)}\n",
    )
