"""Plots of a run as SVG; equal figures give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aludel.distribution import needs
from aludel.mutation.report import MutationReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 20
_COLOURS = ("#3b6ea5", "#d98b2b", "#a33b3b")


def draw(report: MutationReport, folder: Path) -> dict[str, str]:
    """Write the plots into ``folder`` and return their file names by title.

    Raises:
        ExtraMissing: matplotlib is not installed.
        OSError: a file cannot be written.
    """
    needs("plots", "matplotlib")
    import matplotlib as mpl

    reasons = {name: count for name, count in losses(report).items() if count}
    bars = {
        "Accepted variants by namespace": ("namespaces.svg", dict(report.accepted_in)),
        "What became of the rest": ("losses.svg", reasons),
    }
    files = {}
    with mpl.rc_context({"svg.hashsalt": "aludel", "svg.fonttype": "none", "font.size": 9}):
        for title, (name, counts) in bars.items():
            if counts:
                _save(_bars(counts), folder / name)
                files[title] = name
        if report.total.constructed:
            _save(_by_rule(report), folder / "rules.svg")
            files["Statements by operation"] = "rules.svg"
    return files


def losses(report: MutationReport) -> dict[str, int]:
    """Return how many attempts and statements were lost, by stage and reason."""
    total = report.total
    stages: tuple[tuple[str, Mapping[str, int]], ...] = (
        ("attempt", report.dropped),
        ("filter", total.filtered),
        ("rejected", total.rejected),
        ("undecided", total.undecided),
    )
    return {
        f"{stage}: {reason.replace('_', ' ')}": counts[reason]
        for stage, counts in stages
        for reason in sorted(counts)
    }


def _bars(counts: Mapping[str, int]) -> Figure:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ordered[:_MOST]
    rest = sum(count for _, count in ordered[_MOST:])
    if rest:
        shown.append((f"{len(ordered) - _MOST} others", rest))
    figure = _figure(0.5 + 0.24 * len(shown))
    axes = figure.add_subplot()
    places = range(len(shown))
    axes.barh(places, [count for _, count in shown], color=_COLOURS[0])
    axes.set_yticks(places, [name for name, _ in shown])
    axes.invert_yaxis()
    axes.bar_label(axes.containers[0], padding=2)  # type: ignore[arg-type]
    axes.margins(x=0.12)
    if shown[0][1] > 1_000 * max(1, shown[-1][1]):
        axes.set_xscale("log")
    return figure


def _by_rule(report: MutationReport) -> Figure:
    names = sorted(report.rules)
    parts = {
        "accepted": [report.rules[name].accepted for name in names],
        "filtered": [
            sum(report.rules[name].filtered.values()) + report.rules[name].over_limit
            for name in names
        ],
        "not proved": [report.rules[name].checked - report.rules[name].proved for name in names],
    }
    figure = _figure(0.9 + 0.35 * len(names))
    axes = figure.add_subplot()
    left = [0] * len(names)
    for (label, counts), colour in zip(parts.items(), _COLOURS, strict=True):
        axes.barh(names, counts, left=left, label=label, color=colour)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    axes.invert_yaxis()
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=3, frameon=False)
    return figure


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(7, height), layout="constrained")


def _save(figure: Figure, path: Path) -> None:
    draft = path.with_suffix(".svg.part")
    figure.savefig(draft, format="svg", metadata={"Date": None, "Creator": "aludel"})
    draft.replace(path)
