"""``aludel iterate``: expert iteration over the recorded variants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from aludel.cli.attempting import Attempter, open_attempter
from aludel.cli.generating import attempt_options, generator_options, spec_of
from aludel.cli.held_out import problems_in
from aludel.cli.iterating import Iteration, IterationPlan, Round, settle
from aludel.errors import NotFound
from aludel.estimate import Estimate
from aludel.proof_export import (
    ATTEMPTS,
    ExportOptions,
    RunAttempt,
    SplitPlan,
    Splits,
    assign_splits,
    attempts_of,
    export,
    provenance,
)
from aludel.records import VariantRecord
from aludel.settings import load_settings
from aludel.store import Store, VariantFilter


@click.command(name="iterate")
@click.argument("name")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path),
    help="Folder of the run; given again, it goes on.",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 99), default=2, show_default=True)
@click.option(
    "--train", default="",
    help="Command that trains a model; --data DIR, --out DIR and --init DIR are added to it.",
)  # fmt: skip
@click.option("--test", default=0.2, show_default=True, help="Share of theorems held out.")
@click.option("--problems", type=click.IntRange(1), help="Problems attempted at most.")
@click.option("--held-out", type=click.IntRange(1), help="Held-out problems attempted at most.")
@click.option(
    "--given/--found-only", default=True, show_default=True,
    help="Train on the variants' own proofs as well, or only on proofs that were found.",
)  # fmt: skip
@generator_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a round on stdout.")
def command(name: str, out: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click
    """Attempt recorded theorems, train on what was accepted, and measure on held-out ones."""
    console = Console(stderr=True)
    with open_attempter(load_settings(), console) as attempter:
        plan = _plan(name, options, attempter)
        settle(out, plan)
        made = []
        for one in _rounds(Iteration(plan, out, attempter, options["key"])):
            made.append(one)
            if as_json:
                click.echo(one.model_dump_json())
            else:
                console.print(f"round {one.round}: {one.held_out['proved']} held-out proved")
    if not as_json:
        Console().print(rounds_table(made, plan))


def _plan(name: str, options: dict[str, Any], attempter: Attempter) -> IterationPlan:
    return IterationPlan(
        name=name,
        generator=spec_of(options),
        options=attempt_options(options),
        rounds=options["rounds"],
        train=options["train"],
        seed=options["seed"],
        test=options["test"],
        problems=options["problems"],
        held_out=options["held_out"],
        given=options["given"],
        toolchain=attempter.checker.toolchain.digest,
    )


def _rounds(iteration: Iteration) -> Iterator[Round]:
    """Carry out the rounds that are not done, and yield all of them."""
    plan, store = iteration.plan, iteration.attempter.store
    splits = assign_splits(_variants(store, plan), _split(plan))
    problems = problems_in(_variants(store, plan), splits, "train")[: plan.problems]
    held_out = problems_in(_variants(store, plan), splits, "test")[: plan.held_out]
    for number in range(1, plan.rounds + 1):
        measured = iteration.measure(number, held_out)
        solved = iteration.attempt(number, problems)
        data, proofs = _exported(iteration, number, splits)
        model = iteration.train(number, data)
        update = {"solved": solved, "proofs": proofs, "dataset": str(data)}
        yield measured.model_copy(update={**update, "model": model and str(model)})
    if plan.train:
        yield iteration.measure(plan.rounds + 1, held_out)


def _variants(store: Store, plan: IterationPlan) -> Iterator[VariantRecord]:
    yield from store.variants.iterate(VariantFilter(toolchain_digest=plan.toolchain))


def _split(plan: IterationPlan) -> SplitPlan:
    return SplitPlan(kind="lineage", seed=plan.seed, test=plan.test, valid=0.0)


def _exported(iteration: Iteration, number: int, splits: Splits) -> tuple[Path, int]:
    """Write the training set of a round, unless it is there; return it and its found proofs.

    Raises:
        NotFound: there is no proof to train on.
    """
    plan, store = iteration.plan, iteration.attempter.store
    out = iteration.folder(number) / "dataset"
    found = list(_found(iteration, number))
    if not out.exists():
        given = (v for v in _variants(store, plan) if plan.given and splits.of(v.name) == "train")
        recipes = (("whole_proof",) if plan.given else ()) + (("found_proofs",) if found else ())
        if not recipes:
            raise NotFound(
                "no proof was found to train on", fix="train on the variants' own too: --given"
            )
        made = provenance(f"aludel iterate {plan.name}", store.toolchains.known(), plan.seed)
        more = {ATTEMPTS: found} if found else {}
        export(given, out, ExportOptions(recipes, ("jsonl",)), made, more)
    return out, len(found)


def _found(iteration: Iteration, number: int) -> Iterator[RunAttempt]:
    """Yield what was accepted in this and earlier rounds on problems of train, equal ones once."""
    runs = [iteration.train_run(n) for n in range(1, number + 1)]
    seen = set()
    for one in attempts_of(iteration.attempter.store, runs):
        verdict = one.attempt.verdict
        if verdict.kind == "accepted" and verdict.hash not in seen:
            seen.add(verdict.hash)
            yield one


def rounds_table(rounds: Sequence[Round], plan: IterationPlan) -> Table:
    """Return the rounds as a table for people."""
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
