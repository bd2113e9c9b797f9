"""``aludel mutate``: new theorems from those of a library, by rewriting."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console

from aludel.cli.options import gathered, listed
from aludel.cli.progress import bars
from aludel.cli.project import project_option, with_project
from aludel.cli.tables import mutation_table
from aludel.errors import InvalidRequest
from aludel.jobs import SCREEN_BUDGET
from aludel.jsonl import lines_of
from aludel.mutation import FILTERS, RULES, MutationPlan
from aludel.mutation.folder import RunFolder
from aludel.mutation.plan import make_plan
from aludel.mutation.run import in_project, mutate_into
from aludel.settings import load_settings
from aludel.store import Store

_TARGETS = ("statement", "pattern")  # what a run finds wrong only when it starts


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Options of a plan, one field each, and the argument ``patterns``."""

    patterns: tuple[str, ...]
    statement: Path | None
    rules: tuple[str, ...]
    conditional: bool
    lemmas: tuple[str, ...]
    imports: tuple[str, ...]
    modules: tuple[str, ...]
    limit: int
    per_target: int
    max_targets: int | None
    max_attempts: int
    shard: tuple[int, int]
    rounds: int
    round_targets: int
    filters: tuple[str, ...]
    without: tuple[str, ...]
    screen_budget: int
    max_statement: int
    avoid: Path | None
    seed: int

    def plan(self) -> MutationPlan:
        """Return the plan that the options describe.

        Raises:
            InvalidRequest: one of them has a value that does not fit; ``field`` is the option.
        """
        values = asdict(self)
        del values["without"]
        values["filters"] = self._filters()
        values["lemmas"] = self.lemmas or None
        values["statement"] = self.statement and _text(self.statement, "--statement")
        values["avoid"] = () if self.avoid is None else read_statements(self.avoid)
        return make_plan(**values)

    def _filters(self) -> tuple[str, ...]:
        chosen = self.filters or FILTERS
        unknown = sorted({*chosen, *self.without} - set(FILTERS))
        if unknown:
            raise InvalidRequest(
                f"there is no filter {unknown[0]!r}",
                field="filters",
                fix=f"choose from {', '.join(FILTERS)}",
            )
        return tuple(name for name in chosen if name not in self.without)


def _listed(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return listed(value or "")


def _shard(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, int]:
    part, _, parts = value.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise click.BadParameter("give K/N, for example 1/4")
    return int(part), int(parts)


@click.command(name="mutate")
@gathered(
    "options",
    PlanOptions,
    click.argument("patterns", nargs=-1, metavar="[PATTERN]..."),
    click.option(
        "--statement",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with a theorem and its proof, which is a target as well.",
    ),
    click.option(
        "--rules", default="rw", show_default=True, callback=_listed, help=",".join(RULES)
    ),
    click.option(
        "--conditional", is_flag=True, help="Rewrites may leave side goals (new hypotheses)."
    ),
    click.option("--lemma", "lemmas", multiple=True, help="Rewrite with this; may be repeated."),
    click.option("--imports", default="Init", show_default=True, callback=_listed, help="A,B."),
    click.option(
        "--modules",
        multiple=True,
        help="Modules of the project whose theorems are targets (glob: 'Demo.*'); repeatable.",
    ),
    click.option("--limit", default=50, show_default=True, help="Variants that end a round."),
    click.option("--per-target", default=20, show_default=True, help="Statements of one theorem."),
    click.option("--max-targets", type=int, help="Theorems to stop at; all that match by default."),
    click.option(
        "--max-attempts", default=2_000, show_default=True, help="Attempts on one theorem."
    ),
    click.option("--shard", default="1/1", show_default=True, callback=_shard, help="Part K/N."),
    click.option("--rounds", default=1, show_default=True, help="Variants are rewritten again."),
    click.option(
        "--round-targets", default=100, show_default=True, help="Targets of later rounds."
    ),
    click.option("--filters", callback=_listed, help=",".join(FILTERS)),
    click.option(
        "--no-filter", "without", multiple=True, help="Switch this filter off; repeatable."
    ),
    click.option(
        "--screen-budget",
        default=SCREEN_BUDGET,
        show_default=True,
        help="Thousand heartbeats of each search of a filter.",
    ),
    click.option("--max-statement", default=1_000, show_default=True, help="Characters at most."),
    click.option(
        "--avoid",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Evaluation set: JSON lines with `statement`, or statements between blank lines.",
    ),
    click.option("--seed", default=0, show_default=True, help="Decides which theorems and lemmas."),
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@project_option
@click.option(
    "--quality", default=300, show_default=True, help="Variants to screen again; 0: none."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    options: PlanOptions, out: Path, project: str | None, quality: int, as_json: bool
) -> None:
    """Rewrite the theorems whose names match PATTERN (globs such as 'Nat.*').

    Every new statement is checked by Lean like any candidate, filtered and recorded. A run that was
    stopped goes on when the same command is given again.
    """
    settings = with_project(load_settings(), project)
    try:
        plan = in_project(options.plan(), settings.project)
    except InvalidRequest as error:
        error.field = _option_of(error.field)
        raise
    try:
        with Store.open(settings) as store, bars() as progress:
            run = mutate_into(out, plan, settings, store, progress, quality)
    except InvalidRequest as error:
        if error.field in _TARGETS:
            error.field = _option_of(error.field)
        raise
    _print(run, as_json=as_json)


def _option_of(field: str | None) -> str | None:
    """Return what a field of the plan is called on the command line."""
    if field is None or field.startswith("--"):
        return field
    return "PATTERN" if field == "pattern" else "--" + field.replace("_", "-")


def read_statements(path: Path) -> tuple[str, ...]:
    """Return the statements of an evaluation set.

    Raises:
        InvalidRequest: the file is not text, or one of its JSON lines has no ``statement``.
    """
    text = _text(path, "--avoid")
    if not text.lstrip().startswith("{"):
        return tuple(part.strip() for part in text.split("\n\n") if part.strip())
    try:
        rows = [json.loads(line) for _, line in lines_of(text)]
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
    Console().print(mutation_table(run))
    for what, path in run.files().items():
        click.echo(f"{what}: {path}")
