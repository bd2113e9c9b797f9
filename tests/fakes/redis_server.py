"""A real Redis server for one test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import redis
from service_process import free_port, until

NEEDS_REDIS = [
    pytest.mark.redis,
    pytest.mark.skipif(
        shutil.which("redis-server") is None,
        reason="needs redis-server on PATH (apt-get install redis-server)",
    ),
]


class Redis:
    """A Redis server of its own; what it keeps outlives a kill only if ``durable``."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._append = "yes" if durable else "no"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen(
            ["redis-server", *options, "--bind", "127.0.0.1", "--appendonly", self._append],
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, "Redis")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Remove what it kept on the disk; it must have been stopped."""
        for path in self._folder.glob("appendonlydir"):
            shutil.rmtree(path)

    def _answers(self) -> bool:
        try:
            return bool(redis.Redis(port=self.port).ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False
