"""Prometheus metrics of this process; docs/reference fixes their names."""

from __future__ import annotations

from aludel.distribution import needs

needs("service", "prometheus_client")

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from aludel.models import Verdict

# Not the global one, in which a library may put what it likes.
REGISTRY = CollectorRegistry()
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)

VERDICTS = Counter(
    "aludel_verdicts",
    "Verdicts that items of check jobs got in this process, by kind and reason.",
    ("prover", "kind", "reason"),
    registry=REGISTRY,
)
FAILURES = Counter(
    "aludel_item_failures",
    "Items that could not be carried out or were tried again, by error.",
    ("prover", "error"),
    registry=REGISTRY,
)
PROBLEMS = Counter(
    "aludel_problems",
    "Problems of prove jobs that ended in this process: proved, or open.",
    ("end",),
    registry=REGISTRY,
)
PROVER_SECONDS = Histogram(
    "aludel_prover_seconds",
    "Time inside the prover, for verdicts that were not answered from the record.",
    ("prover",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
POOL = Gauge(
    "aludel_pool_processes",
    "Prover processes of this process: slots, taken ones, idle ones.",
    ("prover", "state"),
    registry=REGISTRY,
)
POOL_EVENTS = Gauge(
    "aludel_pool_process_events",
    "Prover processes started, discarded and recycled since the start.",
    ("prover", "event"),
    registry=REGISTRY,
)
INCIDENTS = Counter(
    "aludel_incidents",
    "Claims of prover processes that do not hold, and disagreements of kernels, by what it was.",
    ("prover", "what"),
    registry=REGISTRY,
)
REQUESTS = Counter(
    "aludel_http_requests",
    "HTTP requests, by method and status.",
    ("method", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "aludel_http_request_seconds",
    "Time to the end of the answer; streams of events are left out.",
    buckets=_SECONDS,
    registry=REGISTRY,
)


def count_verdict(prover: str, verdict: Verdict) -> None:
    """Count a verdict, answered by the prover or from the record."""
    VERDICTS.labels(prover, verdict.kind, verdict.reason or "").inc()


def observe_prover(prover: str, verdict: Verdict) -> None:
    """Count the time that the prover spent on a verdict."""
    usage = verdict.usage
    seconds = usage.wall_s if usage.prover_s is None else usage.prover_s
    PROVER_SECONDS.labels(prover).observe(seconds)
