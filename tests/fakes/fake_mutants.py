"""A library without Lean: theorems ``A.0`` … whose mutants are made up from their names."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from fake_checker import TOOLCHAIN

from aludel.lean_checker.operations import (
    Mutant,
    MutationResult,
    MutationTask,
    Screening,
    ScreenItem,
    ScreenResult,
    ScreenTask,
    Tally,
)
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
from aludel.protocols import Exhausted


def mutant(target: str, number: int, term_hash: str | None = None, **changes: Any) -> Mutant:
    known = Mutant(
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
    return known.model_copy(update=changes)


def seven(target: str) -> list[Mutant]:
    """Seven mutants; number 1 is the same for every target, number 5 has a wrong proof."""
    return [mutant(target, number, "shared" if number == 1 else None) for number in range(1, 8)]


class FakeSource:
    """Ten theorems; ``A.3`` runs out of time; every theorem's mutant 1 is the same statement.

    Attributes:
        asked: targets, in the order in which they came.
        tasks: the same as tasks.
        screened: statements that were screened.
    """

    def __init__(
        self, jitter_s: float = 0.0, mutants: Callable[[str], list[Mutant]] = seven
    ) -> None:
        self._mutants = mutants
        self.asked: list[str] = []
        self.tasks: list[MutationTask] = []
        self.screened = 0
        self._jitter_s = jitter_s

    def theorem_names(self, imports: tuple[str, ...], modules: tuple[str, ...] = ()) -> list[str]:
        return [f"A.{i}" for i in range(10)] + ["B.0"]

    def mutate(self, task: MutationTask) -> MutationResult | Exhausted:
        target = task.target
        if task.proofs == "script":
            self.asked.append(target)
        self.tasks.append(task)
        time.sleep(random.random() * self._jitter_s)
        if target == "A.3":
            return Exhausted("timeout", "too slow", Usage(cpu_s=7.0))
        mutants = tuple(self._mutants(target))[: task.limit]
        if task.proofs == "term":
            mutants = tuple(
                one.model_copy(update={"proof": one.proof.replace("clumsy wrong", "a_term")})
                for one in self._mutants(target)
                if one.lemma in (task.lemmas or ())
            )
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

    def screen(self, task: ScreenTask) -> ScreenResult | Exhausted:
        """Answer by words in the proof; ``killer`` exhausts the prover, whoever is with it."""
        if any("killer" in (item.proof or "") for item in task.items):
            return Exhausted("memory", "too much", Usage(cpu_s=3.0))
        self.screened += len(task.items)
        answers = tuple(_screening(item, task) for item in task.items)
        return ScreenResult(answers, Usage(cpu_s=0.25 * len(answers)))


def _screening(item: ScreenItem, task: ScreenTask) -> Screening:
    proof = item.proof or ""
    deep = "deep" in proof and task.budget > 10_000  # a contradiction for the larger budget
    return Screening(
        error="it does not elaborate" if "broken" in proof else None,
        unchanged="same" in proof,
        trivial="simp" if "trivial" in proof else None,
        # a contradiction that only the larger budget finds
        vacuous="omega" if "vacuous" in proof or deep else None,
        unused=("h",) if "idle" in proof else (),
        exhausted=("simp",) if "slow" in proof else (),
        shape_hash=item.statement.rpartition(" : ")[2],
    )


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
