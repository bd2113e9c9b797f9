"""A library without Lean: theorems ``A.0`` … whose mutants are made up from their names."""

from __future__ import annotations

import random
import time

from fake_checker import TOOLCHAIN

from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    Rejected,
    RejectReason,
    Toolchain,
    Usage,
    Verdict,
    content_hash,
)
from lean_checker.operations import Mutant, MutationResult, MutationTask, Tally
from lean_checker.process import LimitReached


def mutant(target: str, number: int, term_hash: str | None = None) -> Mutant:
    return Mutant(
        rule="rw",
        lemma=f"lemma{number}",
        direction="forward" if number % 2 else "backward",
        position="goal",
        hypothesis=None,
        header=f" (n : Nat) : {number} = {number}",
        proof="by\n  rfl" if number % 5 else "by\n  wrong",
        term_hash=term_hash or f"{target}-{number}",
        print_level=0,
    )


class FakeSource:
    """Ten theorems; ``A.3`` runs out of time; every theorem's mutant 1 is the same statement."""

    def __init__(self, jitter_s: float = 0.0) -> None:
        self.asked: list[str] = []
        self._jitter_s = jitter_s

    def theorem_names(self, imports: tuple[str, ...]) -> list[str]:
        return [f"A.{i}" for i in range(10)] + ["B.0"]

    def mutate(self, task: MutationTask) -> MutationResult:
        target = task.target
        self.asked.append(target)
        time.sleep(random.random() * self._jitter_s)
        if target == "A.3":
            raise LimitReached("too slow", limit="timeout", usage=Usage(cpu_s=7.0))
        mutants = tuple(
            mutant(target, number, "shared" if number == 1 else None) for number in range(1, 8)
        )[: task.limit]
        tally = Tally(
            target=target,
            type="T",
            retrieved=20,
            attempted=10,
            constructed=len(mutants),
            complete=True,
            dropped={"not_invocable": 2, "unchanged": 0},
        )
        return MutationResult(mutants, tally, Usage(cpu_s=1.0))


class ProofChecker:
    """Accepts what does not contain the word ``wrong``."""

    @property
    def toolchain(self) -> Toolchain:
        return TOOLCHAIN

    def check(self, request: CheckRequest) -> Verdict:
        usage, key = Usage(cpu_s=0.5), content_hash(TOOLCHAIN.digest, request)
        if "wrong" in request.code:
            return Rejected(reason=RejectReason.ELABORATION, hash=key, usage=usage)
        return Accepted(evidence=Evidence(statement_match="identical"), hash=key, usage=usage)

    def close(self) -> None:
        """Nothing to stop."""
