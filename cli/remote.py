"""Checks, attempts and exports through the HTTP API of a running service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx

from aludel.attempt_figures import RunFigures
from aludel.client import Client
from aludel.client.flows import chunks, error_of_failure
from aludel.http_models import AttemptSubmission, ComparisonOutcome, KernelOutcome
from aludel.jobs import Item
from aludel.lemma_search import LemmaSearch, LemmasFound
from aludel.models import CheckRequest
from aludel.progress import Progress
from aludel.settings import load_settings

BATCH = 500


def check_through(
    server: str, requests: Sequence[CheckRequest], http: httpx.Client | None = None
) -> list[Item]:
    """Have ``requests`` judged by the service at ``server``; results in the same order.

    Raises:
        InvalidRequest: the service refuses the batch; says why.
        BackendUnavailable: it does not answer, or replies malformed.
    """
    with Client(server, key=load_settings().api_key or None, http=http) as client:
        return [item for chunk in chunks(requests, BATCH) for item in client.check_batch(chunk)]


def attempt_through(
    server: str, asked: AttemptSubmission, progress: Progress, http: httpx.Client | None = None
) -> RunFigures:
    """Have problems attempted by the service at ``server``, and return the figures of their run.

    Raises:
        InvalidRequest: the service refuses them, or names no such model; says why.
        Conflict: there is a run of this name with another plan.
        BackendUnavailable: it does not answer, or could not attempt a problem.
    """
    with Client(server, key=load_settings().api_key or None, http=http) as client:
        job = client.attempts.submit(asked)
        progress.step("attempting, problems", job.total)
        proved, failed = 0, None
        for item in client.finished(job.id):
            failed = failed or item.error
            proved += item.outcome is not None and item.outcome.accepted > 0
            progress.advance(1, f"{proved} proved now")
        if failed is not None:
            raise error_of_failure(failed)
        return client.attempts.run(asked.name or "").figures


def check_export_through(
    server: str, export: Path, steps: int, http: httpx.Client | None = None
) -> KernelOutcome:
    """Have the kernel of the service at ``server`` check a file.

    Raises:
        InvalidRequest: the service refuses it, for example as too large.
        BackendUnavailable: it does not answer.
    """
    with Client(server, key=load_settings().api_key or None, http=http) as client:
        return client.kernel(export.read_bytes(), steps=steps)


def compare_through(
    server: str,
    challenge: Path,
    solution: Path,
    theorems: Sequence[str],
    axioms: Sequence[str],
    steps: int,
    http: httpx.Client | None = None,
) -> ComparisonOutcome:
    """Have the kernel of the service at ``server`` compare two files.

    Raises:
        InvalidRequest: the service refuses them, for example as too large.
        BackendUnavailable: it does not answer.
    """
    with Client(server, key=load_settings().api_key or None, http=http) as client:
        exports = (challenge.read_bytes(), solution.read_bytes())
        return client.compare(*exports, theorems, axioms=axioms, steps=steps)


def search_through(
    server: str, asked: LemmaSearch, http: httpx.Client | None = None
) -> LemmasFound:
    """Have the service at ``server`` search for lemmas.

    Raises:
        InvalidRequest: the service refuses the question; says why.
        BackendUnavailable: it does not answer, or its prover failed.
    """
    with Client(server, key=load_settings().api_key or None, http=http) as client:
        return client.search_lemmas(asked)
