"""A worker's own figures, and where it shows them."""

from __future__ import annotations

import logging

from billiard import current_process
from prometheus_client import start_http_server

from aludel.errors import AbilityMissing
from aludel.metrics import POOL, POOL_EVENTS, REGISTRY
from aludel.provers import AnyProver
from aludel.settings import Settings

_log = logging.getLogger(__name__)


def show_pool(prover: AnyProver) -> None:
    """Bring the gauges of the prover's processes up to date, where it counts them."""
    try:
        stats = prover.stats()
    except AbilityMissing:
        return
    name = prover.toolchain.prover.value
    for state, value in (("slots", stats.size), ("taken", stats.live), ("idle", stats.idle)):
        POOL.labels(name, state).set(value)
    for event in ("started", "discarded", "recycled"):
        POOL_EVENTS.labels(name, event).set(getattr(stats, event))


def serve_metrics(settings: Settings) -> None:
    """Answer Prometheus on the port that the settings name, plus the number of this process.

    A port that is taken is logged; a worker without figures is better than none.
    """
    if not settings.metrics_port:
        return
    port = settings.metrics_port + int(getattr(current_process(), "index", 0) or 0)
    try:
        start_http_server(port, addr=settings.host, registry=REGISTRY)
    except OSError as error:
        _log.warning("metrics are not shown", extra={"port": port, "error": str(error)})
