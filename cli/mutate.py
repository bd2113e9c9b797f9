"""``aludel mutate``: new theorems from those of a library, by rewriting."""

from __future__ import annotations

import json
from pathlib import Path

import click
from pydantic import ValidationError
from rich.console import Console

from aludel.errors import InvalidRequest
from aludel.settings import load_settings
from aludel.store import Store
from cli.mutating import MutationRun, mutate_into, report_table
from mutation import MutationPlan


@click.command(name="mutate")
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--limit", default=50, show_default=True, help="Accepted variants to stop at.")
@click.option("--per-target", default=20, show_default=True, help="Variants of one theorem.")
@click.option("--max-targets", type=int, help="Theorems to stop at; all that match by default.")
@click.option("--max-attempts", default=2_000, show_default=True, help="Attempts on one theorem.")
@click.option("--lemma", "lemmas", multiple=True, help="Rewrite with this; may be repeated.")
@click.option("--imports", default="Init", show_default=True, help="Import set: A,B.")
@click.option("--seed", default=0, show_default=True, help="Decides which theorems and lemmas.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    patterns: tuple[str, ...],
    out: Path,
    limit: int,
    per_target: int,
    max_targets: int | None,
    max_attempts: int,
    lemmas: tuple[str, ...],
    imports: str,
    seed: int,
    as_json: bool,
) -> None:
    """Rewrite the theorems whose names match PATTERN (globs such as 'Nat.*').

    Every new statement is checked by Lean like any candidate and recorded. A run that was stopped
    goes on when the same command is given again.
    """
    try:
        plan = MutationPlan(
            patterns=patterns,
            imports=tuple(part.strip() for part in imports.split(",") if part.strip()),
            limit=limit,
            per_target=per_target,
            max_targets=max_targets,
            max_attempts=max_attempts,
            lemmas=lemmas or None,
            seed=seed,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise InvalidRequest(first["msg"], field=option, fix="see aludel mutate --help") from error
    settings = load_settings()
    with Store.open(settings) as store:
        run = mutate_into(out, plan, settings, store, Console(stderr=True))
    _print(run, as_json=as_json)


def _print(run: MutationRun, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**run.report.figures(), **run.files()}, ensure_ascii=False))
        return
    Console().print(report_table(run.report))
    for what, path in run.files().items():
        click.echo(f"{what}: {path}")
