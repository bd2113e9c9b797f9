"""Training data of expert iteration: recorded variants, held-out ones apart, and proofs found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aludel.errors import NotFound
from aludel.problems import TheoremProblem
from aludel.proof_export.attempts_feed import ATTEMPTS, RunAttempt, attempts_of
from aludel.proof_export.exporter import ExportOptions, export
from aludel.proof_export.provenance import provenance
from aludel.proof_export.splitting import SplitPlan, Splits, assign_splits
from aludel.records import VariantRecord
from aludel.store import Store, VariantFilter


def problems_in(
    variants: Iterable[VariantRecord], splits: Splits, split: str
) -> Sequence[TheoremProblem]:
    """Return the variants of one split without their proofs, by name.

    A variant that needs declarations before it is no problem by itself, and is left out.

    Raises:
        Conflict: a variant was not among those that were divided.
    """
    found = [
        TheoremProblem(name=variant.name, statement=variant.statement, imports=variant.imports)
        for variant in variants
        if not variant.preamble and splits.of(variant.name) == split
    ]
    return sorted(found, key=lambda problem: problem.name)


class RecordedTraining:
    """Problems and training sets from a store: a :class:`aludel.proving.iteration.TrainingData`.

    Args:
        store: what is recorded.
        toolchain: digest; only variants that this toolchain accepted.
        plan: how they are divided.
        given: whether the variants' own proofs are trained on, too.
        command: how the training sets come about, for their cards.

    Raises:
        StoreError: the database cannot be read.
    """

    def __init__(
        self, store: Store, toolchain: str, plan: SplitPlan, *, given: bool, command: str
    ) -> None:
        self._store = store
        self._chosen = VariantFilter(toolchain_digest=toolchain)
        self._given = given
        self._command = command
        self._splits = assign_splits(self._variants(), plan)

    def problems(self, split: str) -> Sequence[TheoremProblem]:
        """Return the problems of a split by name; raises as :func:`problems_in`."""
        return problems_in(self._variants(), self._splits, split)

    def write(self, out: Path, runs: Sequence[str]) -> int:
        """Write the training set with what these runs proved, unless it is there.

        Returns:
            How many proofs of the runs it holds, equal ones counted once.

        Raises:
            NotFound: there is no proof to train on.
        """
        found = list(self._found(runs))
        if not out.exists():
            given = (v for v in self._variants() if self._given and self._trains(v))
            recipes: tuple[str, ...] = ("whole_proof",) if self._given else ()
            recipes += ("found_proofs",) if found else ()
            if not recipes:
                raise NotFound(
                    "no proof was found to train on", fix="train on the variants' own too: --given"
                )
            known, seed = self._store.toolchains.known(), self._splits.plan.seed
            made = provenance(self._command, known, seed)
            more = {ATTEMPTS: found} if found else {}
            export(given, out, ExportOptions(recipes, ("jsonl",)), made, more)
        return len(found)

    def _variants(self) -> Iterator[VariantRecord]:
        yield from self._store.variants.iterate(self._chosen)

    def _trains(self, variant: VariantRecord) -> bool:
        return self._splits.of(variant.name) == "train"

    def _found(self, runs: Sequence[str]) -> Iterator[RunAttempt]:
        """Yield the accepted attempts of the runs, equal ones once."""
        seen = set()
        for one in attempts_of(self._store, runs):
            verdict = one.attempt.verdict
            if verdict.kind == "accepted" and verdict.hash not in seen:
                seen.add(verdict.hash)
                yield one
