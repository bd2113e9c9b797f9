"""The report of a run as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aludel.distribution import install_command
from aludel.mutation.plan import MutationPlan
from aludel.mutation.quality import QualityCheck
from aludel.mutation.report import MutationReport

_MOST = 20


def report_page(
    plan: MutationPlan,
    report: MutationReport,
    quality: QualityCheck | None,
    plots: Mapping[str, str] | None,
) -> str:
    """Return the page; plots are shown by file name, and None says that there is no matplotlib."""
    sections = [
        "# Mutation run",
        _what(plan),
        "## Figures",
        _table(("", ""), _figures(report)),
        "## By operation",
        _table(_RULE_HEADS, _rules(report)),
        "## What became of the rest",
        _table(("stage and reason", "count"), _losses(report)),
    ]
    if quality is not None:
        sections += ["## Quality check", _quality(quality)]
    sections += ["## Namespaces", _table(("namespace", "targets", "accepted"), _namespaces(report))]
    if plots is None:
        sections.append(f"Without plots, which need matplotlib: `{install_command('plots')}`.")
    else:
        sections += [f"![{title}]({name})" for title, name in plots.items()]
    return "\n\n".join(sections) + "\n"


def _what(plan: MutationPlan) -> str:
    targets = ", ".join(f"`{pattern}`" for pattern in plan.patterns)
    own = " and a statement of the user" if plan.statement is not None else ""
    most = f", at most {plan.max_targets} of them" if plan.max_targets else ""
    return (
        f"Theorems of {', '.join(plan.imports)} matching {targets or 'nothing'}{own}{most}; "
        f"operations {', '.join(plan.rules)}{' with side goals' if plan.conditional else ''}; "
        f"seed {plan.seed}; at most {plan.per_target} statements of one theorem, "
        f"{plan.limit} variants a round, {plan.rounds} round(s); "
        f"filters: {', '.join(plan.filters) or 'none'}, "
        f"{plan.screen_budget:,},000 heartbeats each."
    )


def _figures(report: MutationReport) -> list[tuple[str, str]]:
    total = report.total
    rows = [
        ("target theorems", f"{report.targets:,}"),
        ("of those, every retrieved lemma tried", f"{report.complete:,}"),
        ("theorems given up", _counted(report.failed)),
        ("lemmas retrieved", f"{report.retrieved:,}"),
        ("attempts", f"{report.attempted:,}"),
        ("statements constructed", f"{total.constructed:,}"),
        ("sent to the checker", f"{total.checked:,}"),
        ("accepted by Lean", f"{total.proved:,}"),
        ("conversion (accepted by Lean / sent to it)", _percent(total.conversion)),
        ("accepted variants, after all filters", f"{total.accepted:,}"),
        ("expansion (accepted variants per target)", _number(report.expansion, 2)),
    ]
    costs = report.costs
    rows += [
        ("core-seconds", f"{costs.core_s:,.1f}"),
        ("of those: construction", f"{costs.construction_s:,.1f}"),
        ("of those: verdicts", f"{costs.checking_s:,.1f}"),
        ("of those: filters", f"{costs.screening_s:,.1f}"),
        ("of those: this program", f"{costs.driver_s:,.1f}"),
        ("core-seconds per accepted variant", _number(report.core_seconds_per_accepted, 3)),
        ("wall seconds", f"{costs.wall_s:,.1f}"),
    ]
    return rows


_RULE_HEADS = (
    "operation",
    "constructed",
    "checked",
    "proved",
    "of those by term",
    "conversion",
    "accepted",
    "not proved, by reason",
)


def _rules(report: MutationReport) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{figures.constructed:,}",
            f"{figures.checked:,}",
            f"{figures.proved:,}",
            f"{figures.by_term:,}",
            _percent(figures.conversion),
            f"{figures.accepted:,}",
            _counted({**figures.rejected, **figures.undecided}),
        )
        for name, figures in sorted(report.rules.items())
    ]


def _losses(report: MutationReport) -> list[tuple[str, str]]:
    total = report.total
    stages: tuple[tuple[str, Mapping[str, int]], ...] = (
        ("attempt gave no statement", report.dropped),
        ("statement left out by filter", total.filtered),
        ("accepted after the round's limit", {"limit": total.over_limit}),
        ("proof rejected by Lean", total.rejected),
        ("not decided", total.undecided),
        ("search of a filter ran out of budget", report.unsearched),
    )
    return [
        (f"{stage}: {reason.replace('_', ' ')}", f"{counts[reason]:,}")
        for stage, counts in stages
        for reason in sorted(counts)
        if counts[reason]
    ]


def _quality(check: QualityCheck) -> str:
    rows = [(reason, str(count)) for reason, count in check.figures()["found"].items()]
    text = (
        f"{check.sample} accepted variants, drawn at random by the seed, were screened again one "
        f"by one with {check.budget:,},000 heartbeats for each search "
        f"({check.core_s:,.1f} core-seconds); duplicates are sought among all accepted variants."
    )
    findings = "\n".join(f"- `{f.reason}` ({f.found_by}): `{f.statement}`" for f in check.findings)
    return "\n\n".join(
        part for part in (text, _table(("found to be", "variants"), rows), findings) if part
    )


def _namespaces(report: MutationReport) -> list[tuple[str, str, str]]:
    names = sorted(report.targets_in, key=lambda name: (-report.accepted_in[name], name))
    rows = [
        (name, f"{report.targets_in[name]:,}", f"{report.accepted_in[name]:,}")
        for name in names[:_MOST]
    ]
    rest = names[_MOST:]
    if rest:
        targets = sum(report.targets_in[name] for name in rest)
        accepted = sum(report.accepted_in[name] for name in rest)
        rows.append((f"{len(rest)} others", f"{targets:,}", f"{accepted:,}"))
    return rows


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _counted(counts: Mapping[str, int]) -> str:
    shown = [
        f"{counts[name]:,} {name.replace('_', ' ')}" for name in sorted(counts) if counts[name]
    ]
    return ", ".join(shown) or "0"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
