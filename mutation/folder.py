"""The folder of a run: files that equal runs share byte for byte, and costs apart from them.

``variants.jsonl``, ``failures.jsonl``, ``figures.json`` and the plots depend on the plan and the
toolchain alone. ``report.json`` and ``report.md`` add costs; ``journal.jsonl`` is the run itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aludel.errors import ExtraMissing, RunFileError
from aludel.files import write_whole
from aludel.mutation.journal import Journal
from aludel.mutation.pages import report_page
from aludel.mutation.plan import MutationPlan
from aludel.mutation.plots import draw
from aludel.mutation.quality import QualityCheck
from aludel.mutation.report import MutationReport
from aludel.records import VariantRecord

JOURNAL = "journal.jsonl"
VARIANTS = "variants.jsonl"
FAILURES = "failures.jsonl"
FIGURES = "figures.json"
REPORT = "report.json"
PAGE = "report.md"


@dataclass(frozen=True)
class RunFolder:
    """A finished run and its files.

    Attributes:
        out: the folder.
        journal: its journal.
        plan: what it did.
        report: its figures.
        quality: the check of its filters; None when it was not asked for.
    """

    out: Path
    journal: Journal
    plan: MutationPlan
    report: MutationReport
    quality: QualityCheck | None = None

    def variants(self) -> Iterator[VariantRecord]:
        """Yield the accepted variants in order, costs included."""
        for outcome in self.journal.outcomes():
            yield from outcome.variants

    def files(self) -> dict[str, str]:
        """Return the paths of the files for people and programs."""
        names = {"variants": VARIANTS, "failures": FAILURES, "report": REPORT, "page": PAGE}
        return {what: str((self.out / name).absolute()) for what, name in names.items()}

    def figures(self) -> dict[str, Any]:
        """Return the run's figures, its costs and the quality check as JSON."""
        return {**self.report.figures(), "quality": self._quality()}

    def write(self) -> None:
        """Write every file but the journal.

        Raises:
            RunFileError: the disk is full or read-only.
        """
        refused = (one for outcome in self.journal.outcomes() for one in outcome.refused)
        plan = self.plan.identity()
        outcome = {"plan": plan, **self.report.outcome(), "quality": self._quality()}
        variants = (_line(v.model_dump_json(exclude={"usage"})) for v in self.variants())
        try:
            write_whole(self.out / VARIANTS, variants)
            write_whole(self.out / FAILURES, (_line(one.model_dump_json()) for one in refused))
            write_whole(self.out / FIGURES, [_pretty(outcome)])
            plots = self._plots()
            write_whole(self.out / REPORT, [_pretty({"plan": plan, **self.figures()})])
            page = report_page(self.plan, self.report, self.quality, plots)
            write_whole(self.out / PAGE, [page])
        except OSError as error:
            raise RunFileError(
                f"cannot write into {self.out}: {error.strerror or error}",
                field="--out",
                fix="free space and run the same command again; nothing is done twice",
            ) from error

    def _plots(self) -> dict[str, str] | None:
        """Draw the plots; None without matplotlib, which a run can do without."""
        try:
            return draw(self.report, self.out)
        except ExtraMissing:
            return None

    def _quality(self) -> dict[str, Any] | None:
        return None if self.quality is None else self.quality.figures()


def _line(text: str) -> str:
    return text + "\n"


def _pretty(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
