"""What ``attempts``, ``iterate`` and ``demo`` share: a run with progress, its figures, a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from aludel import attempt_figures
from aludel.attempts import AttemptOptions, AttemptRun, ProblemOutcome
from aludel.estimate import Estimate
from aludel.goals import Goals
from aludel.models import Prover
from aludel.problems import Problem, problems_digest
from aludel.provers import AnyProver, build_prover
from aludel.proving.attempting import attempt_all
from aludel.proving.build import Generators, attempt_with, plan_of
from aludel.proving.premises import Library
from aludel.settings import Settings
from aludel.store import CachedChecker, Store


@dataclass(frozen=True, slots=True)
class Attempter:
    """Carries out runs of attempts with one prover, and records them in one store.

    Attributes:
        goals: sessions for searches; None for F*, which has none.
        library: where premises are retrieved; None for F*, whose problems bring theirs.
    """

    checker: AnyProver
    store: Store
    console: Console
    goals: Goals | None
    library: Library | None

    def run(
        self,
        name: str,
        problems: Sequence[Problem],
        generators: Generators,
        options: AttemptOptions,
        concurrency: int | None = None,
    ) -> AttemptRun:
        """Attempt the problems that the run ``name`` is not done with.

        Args:
            name: the run's; the same plan under the same name goes on.
            problems: of this attempter's prover.
            generators: what proposes.
            options: how.
            concurrency: problems under way at once, where that is not the number of provers.

        Raises:
            InvalidRequest: there are no problems, or two of one name.
            Conflict: ``name`` is a run with another plan.
            BackendUnavailable: prover or generator failed; the same call goes on.
        """
        digest = self.checker.toolchain.digest
        plan = plan_of(generators, options, digest, problems_digest(problems))
        self.store.attempts.start(name, plan, len(problems))
        done = frozenset(outcome.problem for outcome in self.store.attempts.outcomes(name))
        if len(done) < len(problems):
            with self.console.status("starting the prover"):
                self.checker.warm_up()
        cached = CachedChecker(self.checker, self.store)
        attempt = attempt_with(generators, options, cached, self.goals, self.library)
        at_once = concurrency or self.checker.size
        with _bar(self.console) as bar:
            task = bar.add_task("attempting", total=len(problems), completed=len(done), proved=0)
            proved = 0
            for outcome, records in attempt_all(problems, attempt, done, at_once):
                self.store.attempts.record(name, outcome, records)
                proved += outcome.accepted > 0
                bar.update(task, advance=1, proved=proved)
        return self.store.attempts.run(name)


@contextlib.contextmanager
def open_attempter(
    settings: Settings, console: Console, prover: Prover = Prover.LEAN
) -> Iterator[Attempter]:
    """Open prover and store.

    Raises:
        ToolchainMissing: the prover is not installed.
        StoreError: the database cannot be used.
    """
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(contextlib.closing(build_prover(settings, prover)))
        store = stack.enter_context(Store.open(settings))
        if prover is Prover.FSTAR:
            yield Attempter(opened, store, console, None, None)
            return
        library = Library(opened.operations, settings.premises_dir)
        yield Attempter(opened, store, console, opened.goals(), library)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("attempting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("problems, {task.fields[proved]} proved now,"),
        TimeRemainingColumn(),
        console=console,
    )


def figures(run: AttemptRun, outcomes: list[ProblemOutcome]) -> dict[str, Any]:
    """Return the figures of a run, as JSON."""
    return attempt_figures.figures(run, outcomes).model_dump(mode="json")


def attempts_table(run: AttemptRun, shown: dict[str, Any], *, measure: str = "pass") -> Table:
    """Return the figures as a table for people; ``measure`` is ``verify`` in the field of F*."""
    table = Table(title=f"Attempts: {run.name}", show_header=False)
    for key in ("generator", "search", "problems", "invalid", "proved", "tried"):
        table.add_row(key, str(shown[key]))
    for k, value in shown["pass_at_k"].items():
        one = Estimate.model_validate(value)
        table.add_row(f"{measure}@{k}", f"{one.value:.1%}  [{one.low:.1%}, {one.high:.1%}]")
    table.add_row("seconds of all workers", f"{shown['worker_seconds']:.1f}")
    if shown["prover_share"] is not None:
        table.add_row("of these waiting for the prover", f"{shown['prover_share']:.0%}")
    if shown["price"]:
        table.add_row("price", f"{shown['price']:.4f}")
    return table
