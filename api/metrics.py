"""``GET /metrics``: the queue as the rows have it, and the counters of this process."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aludel.api.service import ServiceDep
from aludel.metrics import REGISTRY
from aludel.store import Store

router = APIRouter(tags=["system"])


class QueueCollector(Collector):
    """Reads the queue from the rows, so that every API process says the same."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield the figures.

        Raises:
            StoreError: the database cannot be read.
        """
        items = GaugeMetricFamily(
            "aludel_items",
            "Items that have not ended, by kind of job, prover and state.",
            labels=("kind", "prover", "state"),
        )
        for (kind, prover, state), count in self._store.jobs.queue().items():
            items.add_metric((kind, prover, state), count)
        yield items
        seen = GaugeMetricFamily(
            "aludel_toolchain_seen_timestamp_seconds",
            "When a worker last said that it has the toolchain.",
            labels=("prover", "toolchain"),
        )
        for entry in self._store.toolchains.list():
            if entry.seen_at is not None:
                labels = (entry.toolchain.prover.value, entry.toolchain.name)
                seen.add_metric(labels, entry.seen_at.timestamp())
        yield seen


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
)
def metrics(service: ServiceDep) -> Response:
    """Return figures for Prometheus: the queue, requests, and those of a worker in this process."""
    queue = CollectorRegistry()
    queue.register(QueueCollector(service.store))
    text = generate_latest(queue) + generate_latest(REGISTRY)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
