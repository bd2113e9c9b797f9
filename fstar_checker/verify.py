"""verify@k by the unbiased estimator: the chance that one of k candidates passes."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from math import comb
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from aludel.errors import BackendUnavailable, InvalidRequest, RequestTooLarge
from aludel.fstar_checker.classify import ErrorClass, error_class
from aludel.fstar_checker.dataset import Definition, ProblemClass, write_text
from aludel.fstar_checker.problems import Candidate, by_name, find_problem, request_for
from aludel.fstar_checker.vconfig import dropped, to_options
from aludel.models import Budget, CheckRequest, Verdict

Check = Callable[[CheckRequest], Verdict]


class Outcome(BaseModel):
    """What became of one candidate.

    Attributes:
        verdict: the checker's answer.
        error: the machine failed; says nothing about the candidate.
        invalid: the candidate cannot be judged for what it is itself (too large, no text): wrong.
        refusal: the problem cannot be posed (skipped by the harness, scaffolding refused by F*).
        dropped_options: recorded fields that this F* has no option for, and why that is safe.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    index: int
    problem_class: ProblemClass
    verdict: Verdict | None = None
    error: str | None = None
    invalid: str | None = None
    refusal: str | None = None
    dropped_options: dict[str, str] = {}

    @property
    def is_judged(self) -> bool:
        """Whether it counts as right or wrong."""
        return self.verdict is not None or self.invalid is not None

    @property
    def error_class(self) -> ErrorClass | None:
        """The class of what went wrong; None for an acceptance or a failed machine."""
        return error_class(self.verdict) if self.verdict is not None else None


def verify_at_k(candidates: int, correct: int, k: int) -> float:
    """Return ``1 - C(n-c, k) / C(n, k)``: the chance that k drawn candidates hold a correct one.

    Raises:
        ValueError: there are fewer than ``k`` candidates.
    """
    if not 0 <= correct <= candidates or k < 1 or candidates < k:
        raise ValueError(f"verify@{k} of {correct} correct among {candidates} is not defined")
    return 1.0 - comb(candidates - correct, k) / comb(candidates, k)


@dataclass(frozen=True)
class Work:
    """One candidate of a problem: its request, or why the problem or the candidate is none."""

    problem: Definition
    number: int
    request: CheckRequest | None
    refusal: str | None = None
    invalid: str | None = None
    dropped_options: Mapping[str, str] = field(default_factory=dict)


def build_work(
    problems: list[Definition], candidates: list[Candidate], budget: Budget | None = None
) -> list[Work]:
    """Pair every candidate with its problem and make its request, in the candidates' order.

    Raises:
        NotFound: a candidate names no problem.
        InvalidRequest: two problems share a name.
    """
    index = by_name(problems)
    seen: Counter[str] = Counter()
    found = []
    for candidate in candidates:
        problem = find_problem(index, candidate)
        number, seen[problem.name] = seen[problem.name], seen[problem.name] + 1
        invalid = _no_text(candidate.candidate)
        try:
            request = request_for(problem, candidate.candidate or "", budget=budget)
            found.append(Work(problem, number, None if invalid else request, invalid=invalid))
        except InvalidRequest as error:
            found.append(Work(problem, number, None, str(error)))
    return found


def fit_options(work: list[Work], known: Container[str] | None) -> list[Work]:
    """Leave out what the F* in use has no option for, where that is safe, and note it.

    Args:
        known: the options that it lists; None when that is not known: nothing is left out then.
    """
    return [_fitted(item, known) for item in work]


def run(work: list[Work], check: Check, threads: int) -> list[Outcome]:
    """Check everything, candidates of one definition in a row so that its prefix stays loaded."""
    groups: dict[str, list[int]] = defaultdict(list)
    for position, item in enumerate(work):
        groups[item.problem.name].append(position)
    outcomes: dict[int, Outcome] = {}

    def run_group(positions: list[int]) -> None:
        for position in positions:
            outcomes[position] = _one(work[position], check)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        list(pool.map(run_group, groups.values()))
    return [outcomes[position] for position in range(len(work))]


def report(outcomes: Iterable[Outcome], ks: tuple[int, ...]) -> dict[str, Any]:
    """Summarise outcomes: verify@k in all and by problem class, verdicts and error classes.

    A candidate that is none (too large, no text) is wrong. One on which the machine failed, and a
    problem that cannot be posed, count as neither right nor wrong. A problem with fewer than k
    judged candidates does not enter verify@k; ``problems`` says how many did.
    """
    outcomes = list(outcomes)
    refused = {o.name: o.refusal for o in outcomes if o.refusal is not None}
    judged = [o for o in outcomes if o.is_judged and o.name not in refused]
    classes = Counter(o.error_class.value for o in judged if o.error_class is not None)
    verdicts = Counter(o.verdict.kind for o in judged if o.verdict is not None)
    by_class = {
        c.value: _estimates([o for o in judged if o.problem_class is c], ks) for c in ProblemClass
    }
    return {
        "problems": len({o.name for o in outcomes}),
        "candidates": len(outcomes),
        "verify_at": _estimates(judged, ks),
        "verify_at_by_class": by_class,
        "verdicts": {kind: verdicts[kind] for kind in ("accepted", "rejected", "undecided")},
        "error_classes": {c.value: classes[c.value] for c in ErrorClass},
        "machine_failures": sum(o.error is not None for o in outcomes),
        "invalid_candidates": sum(o.invalid is not None for o in judged),
        "refused_problems": len(refused),
        "refusals": refused,
        "dropped_options": {o.name: o.dropped_options for o in outcomes if o.dropped_options},
    }


def write_report(folder: Path, outcomes: list[Outcome], summary: dict[str, Any]) -> None:
    """Write ``results.jsonl``, ``report.json`` and ``report.md`` into ``folder``.

    Raises:
        InvalidRequest: the folder cannot be written.
    """
    lines = [json.dumps(_row(o), ensure_ascii=False) for o in outcomes]
    write_text(folder / "results.jsonl", "\n".join(lines) + "\n")
    write_text(folder / "report.json", json.dumps(summary, indent=2) + "\n")
    write_text(folder / "report.md", render(summary))


def render(summary: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    lines = [
        "# F* candidates",
        "",
        f"{summary['problems']} problems, {summary['candidates']} candidates "
        f"({summary['invalid_candidates']} without a text, counted as wrong), "
        f"{summary['machine_failures']} machine failures, "
        f"{summary['refused_problems']} problems that cannot be posed.",
        "",
        "| | problems | " + " | ".join(f"verify@{k}" for k in summary["verify_at"]) + " |",
        "|---|---|" + "---|" * len(summary["verify_at"]),
        _estimate_row("all", summary["verify_at"]),
    ]
    lines += [_estimate_row(name, e) for name, e in summary["verify_at_by_class"].items()]
    lines += ["", "| verdict or error class | candidates |", "|---|---|"]
    counts = {**summary["verdicts"], **summary["error_classes"]}
    lines += [f"| {name} | {n} |" for name, n in counts.items()]
    lines += _refusals(summary["refusals"])
    return "\n".join([*lines, *_warning(summary["dropped_options"])]) + "\n"


def _fitted(item: Work, known: Container[str] | None) -> Work:
    config = item.problem.vconfig
    lacking = dropped(config, known) if config is not None else {}
    if config is None or item.request is None or not lacking:
        return item
    options = {"options": to_options(config, known)}
    context = item.request.context.model_copy(update=options)
    request = item.request.model_copy(update={"context": context})
    return replace(item, request=request, dropped_options=lacking)


def _one(item: Work, check: Check) -> Outcome:
    if item.request is None:
        return outcome_of(item, refusal=item.refusal, invalid=item.invalid)
    try:
        return outcome_of(item, verdict=check(item.request))
    except InvalidRequest as wrong:
        if is_the_candidates(wrong.code, wrong.field):
            return outcome_of(item, invalid=wrong.message)
        return outcome_of(item, refusal=str(wrong))
    except BackendUnavailable as failure:
        return outcome_of(item, error=str(failure))


def is_the_candidates(code: str, field: str | None) -> bool:
    """Whether a refusal is about the candidate's text, and says nothing about the problem."""
    return code == RequestTooLarge.code or field == "code"


def _no_text(candidate: str | None) -> str | None:
    """Why a candidate holds no text that can be judged, or None."""
    if candidate is None:
        return "no text was proposed"
    try:
        candidate.encode()
    except UnicodeEncodeError:
        return "the text holds half of a character (a lone surrogate)"
    return None


def outcome_of(
    item: Work,
    verdict: Verdict | None = None,
    error: str | None = None,
    refusal: str | None = None,
    invalid: str | None = None,
) -> Outcome:
    """Return what became of ``item``."""
    return Outcome(
        name=item.problem.name,
        index=item.number,
        problem_class=item.problem.problem_class,
        verdict=verdict,
        error=error,
        invalid=invalid,
        refusal=refusal,
        dropped_options=dict(item.dropped_options),
    )


def _estimates(judged: list[Outcome], ks: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    per_problem: dict[str, list[bool]] = defaultdict(list)
    for outcome in judged:
        accepted = outcome.verdict is not None and outcome.verdict.kind == "accepted"
        per_problem[outcome.name].append(accepted)
    found = {}
    for k in ks:
        scores = [verify_at_k(len(p), sum(p), k) for p in per_problem.values() if len(p) >= k]
        mean = sum(scores) / len(scores) if scores else None
        found[str(k)] = {"problems": len(scores), "estimate": mean}
    return found


def _refusals(refusals: dict[str, str]) -> list[str]:
    """Say why problems cannot be posed; nothing where all were."""
    if not refusals:
        return []
    rows = [f"| {name} | {_cell(why)} |" for name, why in refusals.items()]
    return ["", "| problem that cannot be posed | why |", "|---|---|", *rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _warning(dropped_options: dict[str, dict[str, str]]) -> list[str]:
    """Say which problems were posed without some of their options; nothing when none was."""
    if not dropped_options:
        return []
    lines = [
        "",
        "WARNING: these problems were posed without recorded options that this F* does not have. "
        "An acceptance means what it always does; a rejection for `smt` or a timeout may be due to "
        "this.",
        "",
        "| problem | field | why |",
        "|---|---|---|",
    ]
    for name, fields in dropped_options.items():
        lines += [f"| {name} | {dropped_field} | {why} |" for dropped_field, why in fields.items()]
    return lines


def _estimate_row(name: str, estimates: dict[str, dict[str, Any]]) -> str:
    cells = [
        "-" if e["estimate"] is None else f"{100 * e['estimate']:.1f} %" for e in estimates.values()
    ]
    problems = max((e["problems"] for e in estimates.values()), default=0)
    return f"| {name} | {problems} | " + " | ".join(cells) + " |"


def _row(outcome: Outcome) -> dict[str, Any]:
    row = outcome.model_dump(mode="json")
    row["error_class"] = outcome.error_class.value if outcome.error_class else None
    return row
