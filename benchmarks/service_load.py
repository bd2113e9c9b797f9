"""Load on the service: submit rates, latency, events, scaling, memory, pages of many results.

The prover is a fake that takes a fixed time, so that what is measured is the service. API, Redis
and workers are processes of their own on SQLite; ``redis-server`` must be on PATH. Prints one line
of JSON on stdout. ``--only NAME`` measures one thing.
"""

# ruff: noqa: E402, ANN401
from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fakes"))

from fake_checker import TOOLCHAIN
from redis_server import Redis
from service_process import Service

from aludel import CheckRequest, Client
from aludel.client.events import ItemEvent
from aludel.models import Accepted, Evidence, content_hash
from aludel.settings import Settings
from aludel.store import Store

BATCH = 1_000
SUBMITS = 1_000
SMALL = {"context": {"prover": "lean", "imports": ["Init"]}, "statement": "theorem t : 1 + 1 = 2"}


def requests(count: int, prefix: str) -> list[dict[str, Any]]:
    return [{**SMALL, "code": f"{prefix} {number}"} for number in range(count)]


def post(http: httpx.Client, body: Any, **params: Any) -> dict[str, Any]:
    answer = http.post("/v1/checks", json=body, params=params)
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def batches(service: Service) -> dict[str, Any]:
    """Checks a second that are queued in batches, nothing else going on."""
    bodies = [{"requests": requests(BATCH, f"sleep 60 accept b{n}")} for n in range(10)]
    begun = time.perf_counter()
    jobs = [post(service.http, body)["job"]["id"] for body in bodies]
    seconds = time.perf_counter() - begun
    for job in jobs:
        service.http.post(f"/v1/jobs/{job}/cancel")
    return {"queued_per_s": round(len(bodies) * BATCH / seconds), "batch": BATCH}


def singles(service: Service) -> dict[str, Any]:
    """Milliseconds of a single submit while the workers have more to do than they can."""
    body = {"requests": requests(9_000, "sleep 0.01 accept s")}
    job = post(service.http, body)["job"]["id"]
    times = []
    for number in range(SUBMITS):
        begun = time.perf_counter()
        post(service.http, {"code": f"accept single {number}"})
        times.append(1_000 * (time.perf_counter() - begun))
    saturated = service.job(job)["progress"]["queued"] > 0
    service.http.post(f"/v1/jobs/{job}/cancel")
    quantiles = {f"p{round(100 * q)}_ms": round(quantile(times, q), 1) for q in (0.5, 0.9, 0.99)}
    return {**quantiles, "submits": len(times), "still_saturated": saturated}


def events(service: Service) -> dict[str, Any]:
    """Milliseconds from the commit of a result to its event at the client."""
    late = []
    with Client(f"http://127.0.0.1:{service.port}") as client:
        job = client.submit([CheckRequest(code=f"sleep 0.05 accept e{n}") for n in range(200)]).job
        seen = {
            event.item.position: time.time()
            for event in client.events(job.id)
            if isinstance(event, ItemEvent)
        }
    for position, _, at in _finished(service, job.id):
        late.append(1_000 * (seen[position] - at))
    return {"p50_ms": round(quantile(late, 0.5), 1), "p99_ms": round(quantile(late, 0.99), 1)}


def _finished(service: Service, job: str) -> list[tuple[int, str, float]]:
    with sqlite3.connect(service.folder / "aludel.sqlite3") as raw:
        return raw.execute(
            "SELECT position, state, (julianday(finished_at) - 2440587.5) * 86400.0 "
            "FROM items WHERE job_id = ?",
            (job,),
        ).fetchall()


def scaling(service: Service) -> dict[str, Any]:
    """Items a second with one worker and with two; a check takes 50 ms, a worker does 3 at once."""
    rates = []
    for number in (1, 2):
        if number == 2:
            service.start("worker")
            time.sleep(8)
        body = {"requests": requests(900, f"sleep 0.05 accept w{number}")}
        begun = time.perf_counter()
        service.ended(post(service.http, body)["job"]["id"], seconds=120)
        rates.append(900 / (time.perf_counter() - begun))
    return {
        "one_per_s": round(rates[0], 1),
        "two_per_s": round(rates[1], 1),
        "factor": round(rates[1] / rates[0], 2),
    }


def memory(service: Service) -> dict[str, Any]:
    """Resident megabytes of API and workers over 100,000 items."""
    grown = []
    for number in range(10):
        body = {"requests": requests(10_000, f"accept m{number}")}
        service.ended(post(service.http, body)["job"]["id"], seconds=1_800)
        grown.append({name: _resident(pid) for name, pid in service.pids().items()})
    names = grown[0].keys()
    return {name: [round(sample[name]) for sample in grown] for name in names}


def _resident(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]) / 2**20


def pages(service: Service) -> dict[str, Any]:
    """Milliseconds of pages of 100 where the database holds a million results."""
    job = _million(service.folder)
    found: dict[str, Any] = {}
    for name, url, params in (
        ("items_first", f"/v1/jobs/{job}/items", {}),
        ("items_middle", f"/v1/jobs/{job}/items", {"cursor": 500_000}),
        ("items_last", f"/v1/jobs/{job}/items", {"cursor": 999_800}),
        ("job", f"/v1/jobs/{job}", {}),
        ("jobs", "/v1/jobs", {}),
    ):
        times = []
        for _ in range(300):
            begun = time.perf_counter()
            answer = service.http.get(url, params={**params, "limit": 100})
            assert answer.status_code == 200, answer.text
            times.append(1_000 * (time.perf_counter() - begun))
        found[name + "_p99_ms"] = round(quantile(times, 0.99), 1)
    return found


def _million(folder: Path) -> str:
    """Write a job of a million items straight into the database."""
    request = CheckRequest(code="accept page")
    key = content_hash(TOOLCHAIN.digest, request)
    with Store.open(Settings(data_dir=folder)) as store:
        verdict = Accepted(hash=key, evidence=Evidence(checks=("fake",)))
        store.verdicts.put(request, TOOLCHAIN, verdict)
        job = store.jobs.create_check([request]).id
        store.control.cancel(job)
    now = "2026-01-01 00:00:00.000000"
    with sqlite3.connect(folder / "aludel.sqlite3", timeout=60) as raw:
        raw.execute("DELETE FROM items WHERE job_id = ?", (job,))
        raw.execute(
            "INSERT INTO items (job_id, position, state, prover, payload, attempts, outcome, "
            "verdict_hash, event, started_at, finished_at) "
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999) "
            "SELECT ?, i, 'done', 'lean', ?, 1, 'accepted', ?, i + 1, ?, ? FROM n",
            (job, request.model_dump_json(), key, now, now),
        )
        raw.execute(
            "UPDATE jobs SET total = 1000000, n_done = 1000000, n_accepted = 1000000, "
            "n_cancelled = 0, state = 'done' WHERE id = ?",
            (job,),
        )
    with sqlite3.connect(folder / "aludel.sqlite3") as raw:  # as it would have happened on the way
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return job


MEASURES: dict[str, Callable[[Service], dict[str, Any]]] = {
    "batches": batches,
    "singles": singles,
    "events": events,
    "scaling": scaling,
    "memory": memory,
    "pages": pages,
}


class _Measured(Service):
    """A service that knows its processes by name."""

    def pids(self) -> dict[str, int]:
        names = ("api", "worker", "second_worker")
        return {n: p.pid for n, p in zip(names, self._started, strict=False)}


def measure(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="aludel-load-") as folder:
        (Path(folder) / "redis").mkdir()
        broker = Redis(Path(folder) / "redis")
        broker.start()
        service = _Measured(Path(folder), ALUDEL_BROKER_URL=broker.url)
        try:
            service.start("serve")
            service.start("worker")
            service.ready()
            return MEASURES[name](service)
        finally:
            service.close()
            broker.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(MEASURES))
    only = parser.parse_args().only
    load = os.getloadavg()[0]
    found: dict[str, Any] = {name: measure(name) for name in ([only] if only else MEASURES)}
    found["machine"] = {"cpus": os.cpu_count(), "kernel": platform.release(), "load_before": load}
    sys.stdout.write(json.dumps(found) + "\n")
    assert threading.active_count() == 1


if __name__ == "__main__":
    main()
