"""Problems among the items of a fault run: one prove job, each problem recorded exactly once."""

from __future__ import annotations

import random

from aludel import Client
from aludel.attempts import AttemptOptions
from aludel.http_models import AttemptSubmission
from aludel.jobs import Item, ItemState, Job
from aludel.problems import TheoremProblem
from aludel.store import Store

RUN = "faults"
# What the fake prover makes of a statement, which is its own candidate. A statement keeps its
# strings and loses its comments, so the directive stands in a string.
_KINDS = {"proved": "-- fake: slow 0.15 ", "open": "-- fake: who "}


def submit(client: Client, draw: random.Random, count: int) -> Job:
    """Submit a prove job of ``count`` problems, one sample each."""
    kinds = draw.choices(list(_KINDS), weights=[3, 1], k=count)
    problems = tuple(
        TheoremProblem(name=f"{kind}-{n}", statement=f'theorem p{n} : "{_KINDS[kind]}" ≠ ""')
        for n, kind in enumerate(kinds)
    )
    options = AttemptOptions(samples=1)
    return client.attempts.submit(AttemptSubmission(name=RUN, problems=problems, options=options))


def violations(store: Store, job: Job) -> list[str]:
    """Return what is wrong with a prove job that has ended, and with its run."""
    items = store.jobs.items(job.id, limit=10_000)
    found = [] if len(items) == job.total else [f"{len(items)} problems of {job.total}"]
    outcomes = {outcome.problem: outcome.accepted for outcome in store.attempts.outcomes(RUN)}
    tried = [(a.problem, a.position, a.round) for a in store.attempts.iterate(RUN)]
    if sorted(name for name, _, _ in tried) != sorted(outcomes):
        found.append(f"attempts and outcomes differ: {sorted(tried)}, {sorted(outcomes)}")
    for item in items:
        if not _as_expected(item, outcomes):
            found.append(f"problem {item.problem} is {item.state}, {item.error}, {outcomes}")
    proved = sum(outcomes[item.problem or ""] > 0 for item in items if item.state is ItemState.DONE)
    if proved != job.progress.accepted:
        found.append(f"the job counts {job.progress.accepted} proved problems of {proved}")
    return found


def _as_expected(item: Item, outcomes: dict[str, int]) -> bool:
    name = item.problem or ""
    if item.state is ItemState.FAILED:  # five workers died on it: told, and not lost
        return item.error is not None and item.error.code.startswith("backend_")
    expected = int(name.startswith("proved"))
    return item.state is ItemState.DONE and outcomes.get(name) == expected
