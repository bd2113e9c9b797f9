"""Figures of runs as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from aludel.attempt_figures import Comparison, RunFigures
from aludel.attempts import AttemptRun
from aludel.estimate import Estimate
from aludel.mutation.folder import RunFolder
from aludel.proving.iteration import IterationPlan, Round


def attempts_table(shown: RunFigures, *, measure: str = "pass") -> Table:
    """Return the figures of a run of attempts; ``measure`` is ``verify`` in the field of F*.

    A fixed list of tactics is no sampler, so what it closes is not called pass@k.
    """
    table = Table(title=f"Attempts: {shown.run}", show_header=False)
    for key in ("generator", "search", "problems", "invalid"):
        table.add_row(key, str(getattr(shown, key)))
    automation = shown.automation and measure == "pass"
    if automation:
        table.add_row("closed by automation", f"{shown.proved} of {shown.done - shown.invalid}")
    else:
        table.add_row("proved", str(shown.proved))
    table.add_row("tried", str(shown.tried))
    for k, one in shown.pass_at_k.items():
        label = _first(k) if automation else f"{measure}@{k}"
        table.add_row(label, f"{one.value:.1%}  [{one.low:.1%}, {one.high:.1%}]")
    table.add_row("seconds of all workers", f"{shown.worker_seconds:.1f}")
    if shown.prover_share is not None:
        table.add_row("of these waiting for the prover", f"{shown.prover_share:.0%}")
    if shown.price:
        table.add_row("price", f"{shown.price:.4f}")
    return table


def _first(k: str) -> str:
    return "  by the first proof" if k == "1" else f"  by the first {k}"


def runs_table(runs: Sequence[AttemptRun]) -> Table:
    """Return runs of attempts, one a row."""
    table = Table()
    for column in ("run", "generator", "search", "problems", "done", "since"):
        table.add_column(column)
    for run in runs:
        since = f"{run.created_at:%Y-%m-%d %H:%M}"
        cells = (run.plan.generator, run.plan.search, str(run.problems), str(run.done), since)
        table.add_row(run.name, *cells)
    return table


def comparison_table(first: str, second: str, found: Comparison) -> Table:
    """Return how two runs of attempts compare."""
    table = Table("", first, second, title=f"{found.problems} problems")
    table.add_row("solved", str(found.first), str(found.second))
    table.add_row("solved by it alone", str(len(found.only_first)), str(len(found.only_second)))
    costs = [cost.model_dump() for cost in (found.first_cost, found.second_cost)]
    names = {
        "tried": "proofs or tactics tried", "prover_s": "seconds waiting for the prover",
        "other_s": "other seconds of workers", "prompt_tokens": "prompt tokens",
        "completion_tokens": "completion tokens", "price": "price",
    }  # fmt: skip
    for key, shown in names.items():
        if any(cost[key] for cost in costs):
            table.add_row(shown, *(f"{cost[key]:,.10g}" for cost in costs))
    table.caption = f"McNemar, exact, two-sided: p = {found.p_value:.3g}"
    return table


def rounds_table(rounds: Sequence[Round], plan: IterationPlan) -> Table:
    """Return the rounds of an expert iteration."""
    ks = sorted({1, plan.options.samples} if plan.options.search == "sample" else {1})
    table = Table(title=f"Expert iteration: {plan.name}")
    for column in ("round", "generator", *(f"held-out pass@{k}" for k in ks), "solved", "proofs"):
        table.add_column(column)
    for one in rounds:
        passes = (_share(one.pass_at(k)) for k in ks)
        counts = ("-" if n is None else str(n) for n in (one.solved, one.proofs))
        table.add_row(str(one.round), one.generator, *passes, *counts)
    return table


def _share(found: Estimate | None) -> str:
    if found is None:
        return "-"
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def mutation_table(run: RunFolder) -> Table:
    """Return the figures of a mutation run."""
    report = run.report
    total = report.total
    table = Table(title="Mutation", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("target theorems", str(report.targets))
    for reason, count in sorted(report.failed.items()):
        table.add_row(f"  given up: {reason}", str(count))
    table.add_row("lemmas retrieved", str(report.retrieved))
    table.add_row("attempts", str(report.attempted))
    _add_counts(table, "no statement", report.dropped)
    table.add_row("variants constructed", str(total.constructed))
    table.add_row("variants accepted by Lean", f"{total.proved} of {total.checked}")
    _add_counts(table, "refused or undecided", total.rejected + total.undecided)
    table.add_row("conversion", "-" if total.conversion is None else f"{total.conversion:.1%}")
    _add_counts(table, "filtered", total.filtered)
    table.add_row("variants kept", str(total.accepted))
    table.add_row("core-seconds", f"{report.costs.core_s:.1f}")
    if report.core_seconds_per_accepted is not None:
        table.add_row("core-seconds per kept variant", f"{report.core_seconds_per_accepted:.3f}")
    table.add_row("wall seconds", f"{report.costs.wall_s:.1f}")
    if run.quality is not None:
        table.add_row(f"faults in {run.quality.sample} of them", str(len(run.quality.findings)))
    return table


def _add_counts(table: Table, what: str, counts: dict[str, int]) -> None:
    for reason, count in sorted(counts.items()):
        table.add_row(f"  {what}: {reason.replace('_', ' ')}", str(count))
