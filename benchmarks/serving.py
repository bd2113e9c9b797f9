"""``aludel serve`` for a benchmark, as a user starts it: API, worker and SQLite in one process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

_READY_S = 300.0
_ANSWER_S = 330.0


@contextmanager
def serving(folder: Path, provers: int) -> Iterator[httpx.Client]:
    """Serve until the block ends, from the time that ``/readyz`` says so.

    Args:
        folder: for the database and the log.
        provers: prover processes.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "aludel", "serve"],
            env={
                **os.environ,
                "ALUDEL_DATA_DIR": str(folder),
                "ALUDEL_BROKER_URL": "memory://",
                "ALUDEL_PORT": str(port),
                "ALUDEL_POOL_SIZE": str(provers),
            },
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_ANSWER_S) as http:
            _until_ready(http, process, folder / "serve.log")
            yield http
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _until_ready(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    sys.exit(f"aludel serve did not become ready:\n{log.read_text()}")
