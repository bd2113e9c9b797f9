"""``aludel serve`` and ``aludel worker`` as processes: starting, stopping, refusing."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_process import ALUDEL, FAKE_SERVICE, ROOT, Service, descendants, gone, until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path, ALUDEL_LEASE_S="1")
    yield started
    started.close()


def _run(
    *arguments: str, fake: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    program = [str(FAKE_SERVICE)] if fake else ["-c", ALUDEL]
    return subprocess.run(
        [sys.executable, *program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _refused(run: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr
    assert run.stdout == ""


def test_checks_over_http_in_one_process(service: Service) -> None:
    service.start("serve")
    service.ready()
    answer = service.http.post("/v1/checks", params={"wait": 20}, json={"code": "accept"})
    assert answer.json()["items"][0]["verdict"]["kind"] == "accepted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_in_the_middle_of_a_job(service: Service, number: signal.Signals) -> None:
    process = service.start("serve")
    service.ready()
    job = service.submit([f"sleep 20 accept {i}" for i in range(10)])
    until(lambda: service.job(job)["progress"]["running"], "running items")
    family = descendants(process.pid)
    begun = time.monotonic()
    process.send_signal(number)
    assert process.wait(20) == 0
    assert time.monotonic() - begun < 10
    assert gone(family)
    assert "Traceback" not in service.output()


def test_kill_in_the_middle_of_a_job_and_restart(service: Service) -> None:
    process = service.start("serve")
    service.ready()
    codes = [f"sleep 0.05 accept {i}" for i in range(100)]
    job = service.submit(codes)
    until(lambda: service.job(job)["progress"]["done"] >= 10, "finished items")
    process.kill()
    process.wait()
    kept = service.finished()
    assert 10 <= len(kept) < 100
    service.start("serve")
    service.ready()
    assert service.ended(job)["progress"]["accepted"] == 100
    after = service.finished()
    assert all(after[position] == kept[position] for position in kept)
    assert service.count("verdicts") == service.count("items") == 100


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        run = _run("serve", ALUDEL_PORT=port, ALUDEL_DATA_DIR=str(tmp_path))
    _refused(run, 69, f"port {port} is in use", "--port")
    assert not (tmp_path / "aludel.sqlite3").exists()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "a" * 70])
def test_a_bad_host(tmp_path: Path, host: str) -> None:
    run = _run("serve", ALUDEL_HOST=host, ALUDEL_PORT="0", ALUDEL_DATA_DIR=str(tmp_path))
    _refused(run, 64, "host:", "127.0.0.1")


def test_a_database_from_a_newer_version(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "aludel.sqlite3") as raw:
        raw.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        raw.execute("INSERT INTO alembic_version VALUES ('9999')")
    raw.close()
    run = _run("serve", ALUDEL_PORT="0", ALUDEL_DATA_DIR=str(tmp_path))
    _refused(run, 69, str(tmp_path / "aludel.sqlite3"), "newer version", "upgrade aludel")


def test_a_toolchain_that_is_not_installed(tmp_path: Path) -> None:
    folders = {"ALUDEL_CACHE_DIR": str(tmp_path / "cache"), "ALUDEL_DATA_DIR": str(tmp_path)}
    run = _run("serve", "--port", "0", fake=False, ALUDEL_BROKER_URL="memory://", **folders)
    _refused(run, 69, "aludel toolchain install")


@pytest.mark.parametrize(
    "option", [("--port", "70000"), ("--port", "x"), ("--workers", "0"), ("--nonsense",)]
)
def test_bad_options(option: tuple[str, ...]) -> None:
    _refused(_run("serve", *option, fake=False), 64, option[0])


def test_a_worker_without_a_broker() -> None:
    _refused(_run("worker", fake=False), 64, "ALUDEL_BROKER_URL", "redis://", "aludel serve")


def test_a_worker_with_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"redis://:secret@127.0.0.1:{closed.getsockname()[1]}/0"
        run = _run("worker", ALUDEL_BROKER_URL=url, ALUDEL_DATA_DIR=str(tmp_path))
    _refused(run, 69, "does not answer", "redis-server")
    assert "secret" not in run.stderr


def test_a_worker_for_an_unknown_queue() -> None:
    run = _run("worker", "--queues", "coq.check", fake=False, ALUDEL_BROKER_URL="redis://nowhere")
    _refused(run, 64, "coq.check", "lean.check")
