"""Exports of a store: variants, lineages and attempts, divided into splits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any

from aludel.lean_checker.avoided import AvoidedStatements
from aludel.models import Prover
from aludel.progress import Progress, Silent, watched
from aludel.proof_export.attempts_feed import (
    ATTEMPTS,
    TRIED_PROBLEMS,
    RunAttempt,
    attempts_of,
    by_problem,
)
from aludel.proof_export.exporter import ExportOptions, ExportReport, export
from aludel.proof_export.feeds import VARIANTS, Feed, Theorem
from aludel.proof_export.lineage_feed import LINEAGES, lineages
from aludel.proof_export.provenance import Provenance
from aludel.proof_export.recipes import RECIPES
from aludel.proof_export.splitting import SplitPlan, Splits, assign_splits
from aludel.proof_export.states_feed import PROOF_STATES, traced_variants
from aludel.records import VariantRecord
from aludel.store import Store, VariantFilter
from aludel.vouching import one_kernel_alone

_LOG = logging.getLogger(__name__)
_PAGE = 200


@dataclass(frozen=True)
class Selection:
    """The part of a store that is exported, and its division into splits.

    Attributes:
        toolchain: digest or its beginning; only variants that this toolchain accepted.
        runs: runs of attempts.
        split: how theorems are divided.
        avoid: statements; what is about one of them is left out.
    """

    toolchain: str | None = None
    runs: tuple[str, ...] = ()
    split: SplitPlan = field(default_factory=SplitPlan)
    avoid: AvoidedStatements | None = None


def export_recorded(
    store: Store,
    out: Path,
    options: ExportOptions,
    selection: Selection,
    made: Provenance,
    progress: Progress | None = None,
) -> ExportReport:
    """Write what a store holds; variants that are recorded meanwhile are left out.

    So is what one kernel alone accepted (:func:`aludel.vouching.one_kernel_alone`), and what rests
    on a verdict that was taken back.

    Without recipes named, all are made that there are records for.

    Raises as :func:`aludel.proof_export.export`, and:
        InvalidRequest: the theorems cannot be divided as asked.
        NotFound: there is no run of a name.
        StoreError: the database cannot be read.
    """
    shown = progress or Silent()
    corpus = _Corpus(store, selection, shown)
    recipes = options.recipes or corpus.default_recipes()
    report = export(
        watched(corpus.variants(), "variants", corpus.count, shown),
        out,
        replace(options, recipes=recipes),
        made,
        corpus.more(recipes),
        splits=corpus.splits(),
        avoid=selection.avoid,
    )
    corpus.tell_refused()
    return report


class _Corpus:
    """The selected records, as they were when this was made."""

    def __init__(self, store: Store, selection: Selection, progress: Progress) -> None:
        self._store = store
        self._selection = selection
        self._progress = progress
        self._filter = VariantFilter(toolchain_digest=selection.toolchain)
        self.count = store.variants.count(self._filter)
        self._refused: frozenset[str] = frozenset()
        self._runs = [store.attempts.run(name) for name in dict.fromkeys(selection.runs)]

    def variants(self) -> Iterator[VariantRecord]:
        """Yield the variants whose verdicts may be passed on; later ones are cut off."""
        recorded = islice(self._store.variants.iterate(self._filter), self.count)
        while page := tuple(islice(recorded, _PAGE)):
            refused = self._store.verdicts.unfit([v.verdict_hash for v in page])
            self._refused |= refused
            yield from (v for v in page if v.verdict_hash not in refused)

    def attempts(self) -> Iterator[RunAttempt]:
        """Yield the attempts whose verdicts may be passed on."""
        attempts = attempts_of(self._store, self._selection.runs)
        while page := tuple(islice(attempts, _PAGE)):
            refused = self._store.verdicts.unfit([a.attempt.verdict.hash for a in page])
            refused |= {v.hash for a in page if one_kernel_alone(v := a.attempt.verdict)}
            self._refused |= refused
            yield from (a for a in page if a.attempt.verdict.hash not in refused)

    def tell_refused(self) -> None:
        """Say how many records were left out."""
        if self._refused:
            _LOG.warning(
                "%d records are left out: Lean's kernel alone accepted them, or their verdicts "
                "were taken back; check them again",
                len(self._refused),
            )

    def default_recipes(self) -> tuple[str, ...]:
        """Return the recipes that there are records for."""
        feeds: set[Feed[Any]] = {VARIANTS, LINEAGES} if self.count or not self._runs else set()
        if self._runs:
            feeds.add(ATTEMPTS)
        names = [n for n, recipe in RECIPES.items() if recipe.feed in feeds and recipe.by_default]
        known = self._store.toolchains.known()
        digests = {run.plan.toolchain_digest for run in self._runs}
        fstar = any(known[d].prover is Prover.FSTAR for d in digests if d in known)
        return tuple(name for name in names if fstar or name != "fstar")

    def more(self, recipes: tuple[str, ...]) -> Mapping[Feed[Any], Iterable[Any]]:
        """Return the records of the feeds that the recipes need besides variants."""
        makers: dict[Feed[Any], Callable[[], tuple[Iterable[Any], int | None]]] = {
            LINEAGES: lambda: (lineages(self.variants, self._problems()), self.count),
            PROOF_STATES: lambda: (traced_variants(self._store, self.variants()), None),
        }
        if self._runs:
            makers[ATTEMPTS] = lambda: (self.attempts(), None)
            makers[TRIED_PROBLEMS] = lambda: (by_problem(self.attempts()), None)
        needed = {RECIPES[name].feed for name in recipes if name in RECIPES}
        made = {feed: make() for feed, make in makers.items() if feed in needed}
        return {
            feed: watched(records, feed.name, total, self._progress)
            for feed, (records, total) in made.items()
        }

    def splits(self) -> Splits | None:
        """Divide the theorems, if that is asked for."""
        plan = self._selection.split
        if plan.kind == "none":
            return None
        return assign_splits(watched(self._theorems(), "dividing", None, self._progress), plan)

    def _theorems(self) -> Iterator[Theorem]:
        avoid = self._selection.avoid or AvoidedStatements()
        for theorem in chain[Theorem](self.variants(), self._problems()):
            if not avoid.has(theorem.statement, theorem.shape_hash):
                yield theorem

    def _problems(self) -> Iterator[Theorem]:
        """The theorems that the attempts are about, each once a run."""
        for _, same in groupby(self.attempts(), key=lambda a: (a.run, a.attempt.problem)):
            yield ATTEMPTS.theorem(next(same))
