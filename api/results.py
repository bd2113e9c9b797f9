"""Results of jobs, of every kind."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.job_requests import AttemptRequest
from aludel.jobs import Item, Job, JobKind
from aludel.store import Store


def events_of(store: Store, job: Job, after: int, limit: int) -> list[tuple[int, Item]]:
    """Return the results of a job after its event number ``after``, with numbers from 1."""
    if job.kind is not JobKind.MUTATE:
        numbered = store.jobs.events(job.id, after, limit)
        items = _with_outcomes(store, job, [item for _, item in numbered])
        return [(number, item) for (number, _), item in zip(numbered, items, strict=True)]
    found = store.variants.of_job(job.id, after - 1, limit)
    return [(place + 1, Item.of_variant(place, variant)) for place, variant in found]


def results_of(store: Store, job: Job, after: int, limit: int) -> list[Item]:
    """Return a page of a job's results, in order."""
    if job.kind is not JobKind.MUTATE:
        return _with_outcomes(store, job, store.jobs.items(job.id, after, limit))
    found = store.variants.of_job(job.id, after, limit)
    return [Item.of_variant(position, variant) for position, variant in found]


def _with_outcomes(store: Store, job: Job, items: Sequence[Item]) -> list[Item]:
    """Return the items of a prove job with what its run records of their problems."""
    if not isinstance(job.request, AttemptRequest):
        return list(items)
    names = [item.problem for item in items if item.problem is not None and item.state == "done"]
    outcomes = {o.problem: o for o in store.attempts.outcomes(job.request.run, names)}
    return [item.model_copy(update={"outcome": outcomes.get(item.problem or "")}) for item in items]
