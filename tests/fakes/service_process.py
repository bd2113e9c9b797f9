"""Starts the real service in processes of its own, and looks after them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

T = TypeVar("T")
ROOT = Path(__file__).parent.parent.parent
FAKE_SERVICE = Path(__file__).parent / "fake_service.py"
ALUDEL = "from aludel.cli.main import main; main()"


def until(call: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """Return the first true result of ``call``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = call()
        except httpx.TransportError:
            found = None
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Service:
    """The processes of one service, sharing a folder.

    Args:
        folder: for the database, the fake prover's log and the processes' output.
        real: whether to use Lean; otherwise the fake prover.
        processes: whether the fake prover is made of processes.
        environment: more settings.
    """

    def __init__(
        self, folder: Path, *, real: bool = False, processes: bool = False, **environment: str
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "calls.log"
        self._argv = [sys.executable, "-c", ALUDEL] if real else [sys.executable, str(FAKE_SERVICE)]
        self._log_argument = [] if real or processes else [str(self.log)]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "ALUDEL_DATA_DIR": str(folder),
            "ALUDEL_PORT": str(self.port),
            "ALUDEL_POOL_SIZE": "2",
            **environment,
        }
        self._started: list[subprocess.Popen[bytes]] = []
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start ``serve`` or ``worker``; its output goes to a file named after it."""
        number = len(self._started)
        with (self.folder / f"{number}-{command}.log").open("wb") as output:
            process = subprocess.Popen(
                [*self._argv, command, *self._log_argument],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def ready(self, seconds: float = 180) -> None:
        """Wait until the service is ready, which its prover is, too."""
        until(lambda: self.http.get("/readyz").status_code == 200, "readiness", seconds)

    def submit(self, codes: list[str]) -> str:
        """Submit a batch and return the job's id."""
        answer = self.http.post("/v1/checks", json={"requests": [{"code": code} for code in codes]})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job"]["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/v1/jobs/{job_id}").json()
        return found

    def ended(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until a job has ended and return it."""
        return until(
            lambda: (job := self.job(job_id))["finished_at"] and job, f"job {job_id}", seconds
        )

    def items(self, job_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(
            f"/v1/jobs/{job_id}/items", params={"limit": 1_000}
        ).json()["items"]
        return found

    def calls(self) -> list[str]:
        """Return the candidates that the fake prover was asked for, in order."""
        if not self.log.exists():
            return []
        return [line.split(" ", 1)[1] for line in self.log.read_text().splitlines()]

    def finished(self) -> dict[int, tuple[str, str]]:
        """Return hash and time of each verdict that the database holds of an item, by position."""
        rows = self._query(
            "SELECT position, verdict_hash, finished_at FROM items WHERE state = 'done'"
        )
        return {position: (key, at) for position, key, at in rows}

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        [[number]] = self._query(f"SELECT count(*) FROM {table}")  # noqa: S608 - a test's own word
        return int(number)

    def _query(self, statement: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.folder / "aludel.sqlite3")) as raw:
            return raw.execute(statement).fetchall()

    def output(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        """End every process with whatever it started."""
        self.http.close()
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def descendants(pid: int) -> list[psutil.Process]:
    """Return a process with everything it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def gone(processes: list[psutil.Process], seconds: float = 20) -> bool:
    """Whether all of them end within the time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive
