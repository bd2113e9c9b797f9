"""``aludel mutate``: new theorems from those of a library, by rewriting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console

from aludel.cli.mutating import mutate_into, report_table
from aludel.cli.project import project_option, with_project
from aludel.errors import InvalidRequest
from aludel.lean_checker.project import open_project
from aludel.mutation import FILTERS, RULES, MutationPlan
from aludel.mutation.folder import RunFolder
from aludel.mutation.plan import SCREEN_BUDGET
from aludel.settings import Settings, load_settings
from aludel.store import Store


def _listed(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _shard(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, int]:
    part, _, parts = value.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise click.BadParameter("give K/N, for example 1/4")
    return int(part), int(parts)


@click.command(name="mutate")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option(
    "--statement",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a theorem and its proof, which is a target as well.",
)
@click.option("--rules", default="rw", show_default=True, callback=_listed, help=",".join(RULES))
@click.option("--conditional", is_flag=True, help="Rewrites may leave side goals (new hypotheses).")
@click.option("--lemma", "lemmas", multiple=True, help="Rewrite with this; may be repeated.")
@click.option("--imports", default="Init", show_default=True, callback=_listed, help="A,B.")
@project_option
@click.option(
    "--modules",
    multiple=True,
    help="Modules of the project whose theorems are targets (a glob such as 'Demo.*'); repeatable.",
)
@click.option("--limit", default=50, show_default=True, help="Variants that end a round.")
@click.option("--per-target", default=20, show_default=True, help="Statements of one theorem.")
@click.option("--max-targets", type=int, help="Theorems to stop at; all that match by default.")
@click.option("--max-attempts", default=2_000, show_default=True, help="Attempts on one theorem.")
@click.option("--shard", default="1/1", show_default=True, callback=_shard, help="Part K/N.")
@click.option("--rounds", default=1, show_default=True, help="Variants are rewritten again.")
@click.option("--round-targets", default=100, show_default=True, help="Targets of later rounds.")
@click.option("--filters", callback=lambda c, p, v: v and _listed(c, p, v), help=",".join(FILTERS))
@click.option("--no-filter", "without", multiple=True, help="Switch this filter off; repeatable.")
@click.option(
    "--screen-budget",
    default=SCREEN_BUDGET,
    show_default=True,
    help="Thousand heartbeats of each search of a filter.",
)
@click.option("--max-statement", default=1_000, show_default=True, help="Characters at most.")
@click.option(
    "--avoid",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Evaluation set: JSON lines with `statement`, or statements between blank lines.",
)
@click.option(
    "--quality", default=300, show_default=True, help="Variants to screen again; 0: none."
)
@click.option("--seed", default=0, show_default=True, help="Decides which theorems and lemmas.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    patterns: tuple[str, ...],
    out: Path,
    quality: int,
    *,
    project: Path | None,
    as_json: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Rewrite the theorems whose names match PATTERN (globs such as 'Nat.*').

    Every new statement is checked by Lean like any candidate, filtered and recorded. A run that was
    stopped goes on when the same command is given again.
    """
    settings = with_project(load_settings(), project)
    patterns = _choose_modules(settings, patterns, options)
    plan = _plan(patterns, options)
    with Store.open(settings) as store:
        run = mutate_into(out, plan, settings, store, Console(stderr=True), quality)
    _print(run, as_json=as_json)


def _choose_modules(
    settings: Settings, patterns: tuple[str, ...], options: dict[str, Any]
) -> tuple[str, ...]:
    """Put the modules that were asked for into ``options``; return the patterns of theorems.

    Raises:
        InvalidRequest: there is no project, or no module of it matches.
    """
    globs = options.pop("modules")
    if not globs:
        return patterns
    if not settings.project:
        raise InvalidRequest("needs a project", field="--modules", fix="give --project DIR as well")
    chosen = open_project(Path(settings.project)).matching(globs)
    options["modules"] = chosen
    options["imports"] = tuple(dict.fromkeys((*options["imports"], *chosen)))
    return patterns or ("*",)


def _plan(patterns: tuple[str, ...], options: dict[str, Any]) -> MutationPlan:
    """The plan that the options describe.

    Raises:
        InvalidRequest: one of them has a value that does not fit.
    """
    without = options.pop("without")
    chosen = options.pop("filters") or FILTERS
    unknown = sorted({*chosen, *without} - set(FILTERS))
    if unknown:
        raise InvalidRequest(
            f"there is no filter {unknown[0]!r}",
            field="--filters",
            fix=f"choose from {', '.join(FILTERS)}",
        )
    options["filters"] = tuple(name for name in chosen if name not in without)
    options["lemmas"] = options["lemmas"] or None
    statement, avoid = options.pop("statement"), options.pop("avoid")
    options["statement"] = None if statement is None else _text(statement, "--statement")
    options["avoid"] = () if avoid is None else read_statements(avoid)
    try:
        return MutationPlan(patterns=patterns, **options)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-") if first["loc"] else "PATTERN"
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(message, field=option, fix="see aludel mutate --help") from error


def read_statements(path: Path) -> tuple[str, ...]:
    """Return the statements of an evaluation set.

    Raises:
        InvalidRequest: the file is not text, or one of its JSON lines has no ``statement``.
    """
    text = _text(path, "--avoid")
    if not text.lstrip().startswith("{"):
        return tuple(part.strip() for part in text.split("\n\n") if part.strip())
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        return tuple(str(row.get("statement") or row["formal_statement"]) for row in rows)
    except (ValueError, KeyError, AttributeError) as error:
        raise InvalidRequest(
            f"{path} has a line without a statement",
            field="--avoid",
            fix='give one JSON object a line, {"statement": "theorem t : ..."}',
        ) from error


def _text(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read as text: {error}", field=option, fix="give a UTF-8 file"
        ) from error


def _print(run: RunFolder, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**run.figures(), **run.files()}, ensure_ascii=False))
        return
    Console().print(report_table(run))
    for what, path in run.files().items():
        click.echo(f"{what}: {path}")
