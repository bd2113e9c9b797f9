"""Checks through the HTTP API of a running service."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import httpx
from pydantic import TypeAdapter, ValidationError

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.jobs import Item
from aludel.models import CheckRequest

BATCH = 500
WAIT_S = 60.0
POLL_S = 0.5
_ITEMS = TypeAdapter(tuple[Item, ...])


def check_through(
    server: str, requests: Sequence[CheckRequest], client: httpx.Client | None = None
) -> list[Item]:
    """Have ``requests`` judged by the service at ``server``; results in the same order.

    Raises:
        InvalidRequest: the service refuses the batch; says why.
        BackendUnavailable: it does not answer, or answers what is no answer.
    """
    try:
        with client or httpx.Client(base_url=server, timeout=2 * WAIT_S) as http:
            return [item for batch in _batches(requests) for item in _one_batch(http, batch)]
    except (httpx.HTTPError, httpx.InvalidURL, ValidationError, KeyError) as error:
        message = f"the service does not answer as one: {error}"
        raise BackendUnavailable(message, field="--server", fix="start 'aludel serve'") from error


def _batches(requests: Sequence[CheckRequest]) -> Iterator[Sequence[CheckRequest]]:
    for start in range(0, len(requests), BATCH):
        yield requests[start : start + BATCH]


def _one_batch(http: httpx.Client, batch: Sequence[CheckRequest]) -> list[Item]:
    body = {"requests": [r.model_dump(mode="json") for r in batch]}
    answer = http.post("/v1/checks", json=body, params={"wait": WAIT_S})
    _refuse(answer)
    value = answer.json()
    while value.get("items") is None:
        job = http.get(f"/v1/jobs/{value['job']['id']}")
        _refuse(job)
        if job.json()["state"] in ("done", "failed"):
            return _all_items(http, value["job"]["id"])
        time.sleep(POLL_S)
    return list(_ITEMS.validate_python(value["items"]))


def _all_items(http: httpx.Client, job_id: str) -> list[Item]:
    found: list[Item] = []
    cursor: dict[str, int] = {}
    while True:
        page = http.get(f"/v1/jobs/{job_id}/items", params=cursor)
        _refuse(page)
        value = page.json()
        found += _ITEMS.validate_python(value["items"])
        if value["next_cursor"] is None:
            return found
        cursor = {"cursor": value["next_cursor"]}


def _refuse(answer: httpx.Response) -> None:
    if answer.status_code in (413, 422):
        problem = answer.json()
        raise InvalidRequest(
            str(problem.get("detail") or problem.get("title")), field=problem.get("field")
        )
    answer.raise_for_status()
