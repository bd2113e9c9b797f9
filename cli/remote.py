"""Checks through the HTTP API of a running service."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from aludel.client import Client
from aludel.client.flows import chunks
from aludel.jobs import Item
from aludel.models import CheckRequest
from aludel.settings import load_settings

BATCH = 500


def check_through(
    server: str, requests: Sequence[CheckRequest], http: httpx.Client | None = None
) -> list[Item]:
    """Have ``requests`` judged by the service at ``server``; results in the same order.

    Raises:
        InvalidRequest: the service refuses the batch; says why.
        BackendUnavailable: it does not answer, or answers what is no answer.
    """
    with Client(server, key=load_settings().api_key or None, http=http) as client:
        return [item for chunk in chunks(requests, BATCH) for item in client.check_batch(chunk)]
