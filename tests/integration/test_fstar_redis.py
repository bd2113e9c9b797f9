"""The F* queue over a real Redis: API, a Lean worker and an F* worker in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fstar_support import ask
from redis_server import NEEDS_REDIS, Redis
from service_process import ROOT, Service, until

from aludel.models import CheckRequest

pytestmark = NEEDS_REDIS
VAL = "val f : x:int -> Tot int"
FSTAR_WORKER = Path(__file__).parents[1] / "fakes" / "fstar_worker.py"


@pytest.fixture
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def fstar_worker(tmp_path: Path, broker_url: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ALUDEL_DATA_DIR": str(tmp_path),
        "ALUDEL_BROKER_URL": broker_url,
        "ALUDEL_POOL_SIZE": "1",
    }
    with (tmp_path / "fstar-worker.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(FSTAR_WORKER)],
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=output,
        )
    yield process
    process.terminate()
    process.wait(30)


def test_a_mixed_batch_finds_both_workers(
    tmp_path: Path, broker_url: str, fstar_worker: subprocess.Popen[bytes]
) -> None:
    service = Service(tmp_path, ALUDEL_BROKER_URL=broker_url)
    try:
        service.start("serve")
        service.start("worker")
        service.ready()
        until(lambda: len(service.http.get("/v1/toolchains").json()) == 2, "F*")
        requests = []
        for number in range(40):
            requests.append(CheckRequest(code=f"accept {number}"))
            requests.append(ask(VAL, f"let f x = x + {number}"))
        body = {"requests": [r.model_dump(mode="json") for r in requests]}
        job = service.http.post("/v1/checks", json=body).json()["job"]["id"]
        assert service.ended(job)["progress"]["accepted"] == 80
        checks = {item["verdict"]["evidence"]["checks"][0] for item in service.items(job)}
        assert checks == {"fake", "policy"}
    finally:
        service.close()
