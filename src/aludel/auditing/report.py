"""The report of a run: how many statements have which fault, which these are, what a bar says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import Field

from aludel.auditing.bars import Bar, counted
from aludel.audits import FAULTS, AuditRow
from aludel.html import escape, pre
from aludel.models import Model

LISTED = 200


class AuditReport(Model):
    """A run in figures. Nothing in it depends on when, how fast or in how many parts it ran.

    Attributes:
        problems: rows of the file.
        refused: those that pose no statement.
        clean: statements in which no fault was found.
        faults: how many have it, by its name.
        undecided: how many may have it, for all that is known.
        missed: the bars that were missed, in words.
        flagged: rows that have a fault, or pose no statement; the first 200.
    """

    problems: int
    refused: int
    clean: int
    faults: dict[str, int]
    undecided: dict[str, int]
    missed: tuple[str, ...] = ()
    flagged: tuple[AuditRow, ...] = Field(default=(), max_length=LISTED)


class Tally:
    """The figures of rows, one after the other."""

    def __init__(self) -> None:
        self._rows = self._refused = self._clean = 0
        self._faults: Counter[str] = Counter()
        self._undecided: Counter[str] = Counter()
        self._flagged: list[AuditRow] = []

    @property
    def rows(self) -> int:
        """How many there were."""
        return self._rows

    @property
    def audited(self) -> int:
        """How many pose a statement."""
        return self._rows - self._refused

    @property
    def flagged(self) -> int:
        """How many have a fault, or pose no statement."""
        return self._rows - self._clean

    def add(self, row: AuditRow) -> None:
        """Count one more row."""
        faults = row.faults
        self._rows += 1
        self._refused += row.audit is None
        self._faults.update(faults.keys())
        self._undecided.update(row.undecided.keys())
        if row.audit is not None and not faults:
            self._clean += 1
        elif len(self._flagged) < LISTED:
            self._flagged.append(row)

    def report(self, bars: Sequence[Bar]) -> AuditReport:
        """Return the report of all of them."""
        faults = {name: self._faults[name] for name in FAULTS}
        undecided = {name: self._undecided[name] for name in FAULTS}
        counts = counted(faults, undecided, self._refused)
        missed = (bar.missed(counts, self._rows) for bar in bars)
        return AuditReport(
            problems=self._rows,
            refused=self._refused,
            clean=self._clean,
            faults=faults,
            undecided=undecided,
            missed=tuple(filter(None, missed)),
            flagged=tuple(self._flagged),
        )


def words_of(row: AuditRow) -> list[str]:
    """Return in words what is wrong with a row, a fault each."""
    if row.error is not None:
        fix = f" ({row.error.fix})" if row.error.fix else ""
        return [f"refused: {row.error.message}{fix}"]
    return [f"{name}: {'; '.join(one.by)}" if one.by else name for name, one in row.faults.items()]


def figures(report: AuditReport) -> Iterator[tuple[str, int, int]]:
    """Yield words, how many have the fault, and how many may have it."""
    for name, fault in FAULTS.items():
        yield f"{fault.words} ({name})", report.faults[name], report.undecided[name]
    yield "pose no statement (refused)", report.refused, 0


def html_page(report: AuditReport, title: str) -> str:
    """Return a report as one page of HTML, without scripts and without anything from elsewhere."""
    shown = "".join(
        f"<tr><td>{escape(words)}<td>{found:,}<td>{maybe:,}"
        for words, found, maybe in figures(report)
    )
    missed = "".join(f"<li>{escape(one)}" for one in report.missed)
    rows = "".join(_html_row(row) for row in report.flagged)
    listed = f"The first {LISTED} rows with a fault:" if len(report.flagged) == LISTED else "Rows:"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"{_STYLE}<h1>{escape(title)}</h1><p>{report.problems:,} problems; in "
        f"{report.clean:,} no fault was found.</p>"
        + (f"<p><b>Bars that were missed:</b><ul>{missed}</ul>" if missed else "")
        + f"<table><tr><th>statements that<th>found<th>undecided{shown}</table>"
        + (f"<p>{listed}<table><tr><th>line<th>name<th>what{rows}</table>" if rows else "")
        + "</html>\n"
    )


def _html_row(row: AuditRow) -> str:
    statement = "" if row.audit is None else pre(row.audit.statement)
    found = "".join(f"<li>{escape(one)}" for one in words_of(row))
    return f"<tr><td>{row.line}<td>{escape(row.name)}<td>{statement}<ul>{found}</ul>"


_STYLE = (
    "<style>body{font:1rem/1.4 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid;padding:.2em .5em;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}</style>"
)
