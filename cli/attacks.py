"""``aludel attacks``: does the checker refuse what it must, and accept what it must?

Exit codes: 0 no false accept and no false reject, 1 at least one, 64 bad usage or input, 69
toolchain missing or broken.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from aludel.lean_checker.attacks.corpus import Case, all_cases, read_corpus
from aludel.lean_checker.attacks.exports import ExportAttack, all_exports, run_exports
from aludel.lean_checker.attacks.fuzz import combinations
from aludel.lean_checker.attacks.library import (
    LIBRARY,
    PrintedTheorems,
    Restated,
    restated_theorems,
)
from aludel.lean_checker.attacks.outcomes import RecordedOutcomes
from aludel.lean_checker.attacks.run import MAX_SHOWN, Outcome, Report, run_cases
from aludel.lean_checker.judge.lean_kernel import LeanKernel, probe_kernel
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.settings import load_settings


@click.command(name="attacks")
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--fuzz", default=0, show_default=True, help="Combinations of cases to try as well.")
@click.option("--seed", default=0, show_default=True, help="Decides the combinations.")
@click.option(
    "--library", default=0, show_default=True, help="Theorems of Init to restate; -1 for all."
)
@click.option(
    "--exports",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Folder of exports to put to both kernels as well; may be given again.",
)
@click.option(
    "--outcomes",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every outcome to this file, and do not repeat what it holds.",
)
def command(
    corpus: Path,
    fuzz: int,
    seed: int,
    library: int,
    exports: tuple[Path, ...],
    outcomes: Path | None,
) -> int:
    """Check every case of the folder CORPUS (format: docs/trust.md) and count wrong verdicts."""
    console = Console(stderr=True)
    started = time.monotonic()
    families = read_corpus(corpus)
    files = [attack for folder in exports for attack in all_exports(folder)]
    with contextlib.closing(build_prover(load_settings())) as checker:
        cases = [(family.name, case) for family, case in all_cases(families)]
        if fuzz:
            cases += [("fuzzed", case) for case in combinations(families, fuzz, seed)]
        if library:
            restated = _restated(checker, library, console, outcomes)
            cases += [(LIBRARY, case) for case in restated.cases]
        report = _run(checker, cases, console, outcomes)
        if files:
            _put_to_kernels(checker, files, report)
        figures = report.figures()
        if library:
            figures["library"] = restated.figures()
    console.print(_table(report))
    for wrong in report.wrong[:MAX_SHOWN]:
        line = f"{wrong.family}: {wrong.case.name}: got {wrong.got}, {wrong.message[:300]}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    figures["seconds"] = round(time.monotonic() - started, 1)
    click.echo(json.dumps(figures, ensure_ascii=False))
    return 0 if report.holds else 1


def _restated(checker: LeanProver, limit: int, console: Console, outcomes: Path | None) -> Restated:
    """Theorems of the library, whose texts are kept beside the outcomes."""
    with contextlib.ExitStack() as stack:
        printed = None
        if outcomes is not None:
            path = outcomes.with_name(f"{outcomes.name}.theorems")
            printed = PrintedTheorems(path, checker.toolchain.digest)
            stack.callback(printed.close)
        display = stack.enter_context(Progress(console=console))

        def started(total: int) -> Callable[[int], None]:
            task = display.add_task("printing theorems", total=total)
            return lambda done: display.advance(task, done)

        return restated_theorems(checker.pool, limit, printed, started)


def _run(
    checker: LeanProver, cases: list[tuple[str, Case]], console: Console, path: Path | None
) -> Report:
    known: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        recorded = None
        if path is not None:
            recorded = RecordedOutcomes(path, checker.toolchain.digest)
            stack.callback(recorded.close)
            found = [(case, recorded.of(*case)) for case in cases]
            known = [outcome for _, outcome in found if outcome is not None]
            cases = [case for case, outcome in found if outcome is None]
            console.print(f"{len(known)} outcomes are known from {path}", highlight=False)
        advance = stack.enter_context(_bar(console, len(cases)))

        def ended(outcome: Outcome) -> None:
            advance.advance()
            if recorded is not None:
                recorded.add(outcome)

        report = run_cases(checker, cases, threads=checker.pool.size, progress=ended)
    for outcome in known:
        report.add(outcome)
    return report


def _put_to_kernels(checker: LeanProver, files: list[ExportAttack], report: Report) -> None:
    pool = checker.pool.another(1, probe_kernel, shared=True)
    try:
        run_exports(files, LeanKernel(pool), report, threads=checker.pool.size)
    finally:
        pool.close()


class _Advance:
    def __init__(self, display: Progress, total: int) -> None:
        self._display = display
        self._task = display.add_task("checking", total=total)

    def advance(self) -> None:
        self._display.advance(self._task)


@contextlib.contextmanager
def _bar(console: Console, total: int) -> Iterator[_Advance]:
    with Progress(console=console) as display:
        yield _Advance(display, total)


def _table(report: Report) -> Table:
    table = Table(title="what became of the cases")
    columns = (
        "family",
        "refused",
        "accepted",
        "false accepts",
        "false rejects",
        "other reason",
        "no place",
    )
    for name in columns:
        table.add_column(name, justify="left" if name == "family" else "right")
    for name, tally in report.families.items():
        table.add_row(name, *(str(count) for count in vars(tally).values()))
    return table
