"""``aludel iterate``: expert iteration over the recorded variants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from aludel.cli.options import GeneratorOptions, gathered, generator_options
from aludel.cli.progress import bars
from aludel.cli.tables import rounds_table
from aludel.proof_export import SplitPlan
from aludel.proof_export.training import RecordedTraining
from aludel.proving.iteration import Iteration, IterationPlan, settle
from aludel.proving.run import AttemptRunner, open_runner
from aludel.settings import load_settings


@dataclass(frozen=True, slots=True)
class RoundOptions:
    """Options of the rounds, one field each."""

    rounds: int
    train: str
    test: float
    problems: int | None
    held_out: int | None
    given: bool

    def plan(self, name: str, generation: GeneratorOptions, toolchain: str) -> IterationPlan:
        """Return everything that the run depends on, besides the recorded variants."""
        return IterationPlan(
            name=name,
            generator=generation.spec(),
            options=generation.attempt_options(),
            rounds=self.rounds,
            train=self.train,
            seed=generation.seed,
            test=self.test,
            problems=self.problems,
            held_out=self.held_out,
            given=self.given,
            toolchain=toolchain,
        )


@click.command(name="iterate")
@click.argument("name")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path),
    help="Folder of the run; given again, it goes on.",
)  # fmt: skip
@gathered(
    "chosen",
    RoundOptions,
    click.option("--rounds", type=click.IntRange(1, 99), default=2, show_default=True),
    click.option(
        "--train", default="",
        help="Command that trains a model; --data DIR, --out DIR and --init DIR are added to it.",
    ),
    click.option("--test", default=0.2, show_default=True, help="Share of theorems held out."),
    click.option("--problems", type=click.IntRange(1), help="Problems attempted at most."),
    click.option("--held-out", type=click.IntRange(1), help="Held-out problems attempted at most."),
    click.option(
        "--given/--found-only", default=True, show_default=True,
        help="Train on the variants' own proofs as well, or only on proofs that were found.",
    ),
)  # fmt: skip
@generator_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a round on stdout.")
def command(
    name: str, out: Path, chosen: RoundOptions, generation: GeneratorOptions, as_json: bool
) -> None:
    """Attempt recorded theorems, train on what was accepted, and measure on held-out ones."""
    console, made = Console(stderr=True), []
    with (
        bars(console) as progress,
        open_runner(load_settings(), progress, key=generation.key) as runner,
    ):
        plan = chosen.plan(name, generation, runner.checker.toolchain.digest)
        settle(out, plan)
        for one in Iteration(plan, out, runner, _data(runner, plan)).rounds():
            made.append(one)
            if as_json:
                click.echo(one.model_dump_json())
            else:
                console.print(f"round {one.round}: {one.held_out['proved']} held-out proved")
    if not as_json:
        Console().print(rounds_table(made, plan))


def _data(runner: AttemptRunner, plan: IterationPlan) -> RecordedTraining:
    split = SplitPlan(kind="lineage", seed=plan.seed, test=plan.test, valid=0.0)
    words = f"aludel iterate {plan.name}"
    return RecordedTraining(runner.store, plan.toolchain, split, given=plan.given, command=words)
