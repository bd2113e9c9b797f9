"""A real PostgreSQL server of one's own, in a folder under /tmp, run by a user without rights."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from service_process import free_port, until

# Debian keeps the server's programs off PATH.
_DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``, if they are here."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return max(_DEBIAN.glob("*/bin"), default=None, key=lambda path: int(path.parent.name))


NEEDS_POSTGRES = [
    pytest.mark.postgres,
    pytest.mark.skipif(
        binaries() is None, reason="needs PostgreSQL's server (apt-get install postgresql)"
    ),
]


class Postgres:
    """A server. Nothing is flushed to the disk: it outlives kills, not power cuts."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="aludel-pg-"))
        self._data = self._folder / "data"
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._root = os.geteuid() == 0
        if self._root:
            shutil.chown(self._folder, self._user, None)
        options = ["-U", "aludel", "-A", "trust", "-E", "UTF8", "--no-sync"]
        # Not C: the store must sort in its own way.
        self._run("initdb", "-D", str(self._data), "--locale=C.UTF-8", *options)

    @property
    def server_url(self) -> str:
        return f"postgresql://aludel@127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "200",
            "shared_buffers": "32MB",
        }
        options = [part for k, v in settings.items() for part in ("-c", f"{k}={v}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program("postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity(),
            )
        until(self._answers, "PostgreSQL")

    def kill(self) -> None:
        """End it as a crash would: every process at once."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, breaking connections, and remove its data."""
        self._end(signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def create(self, template: str = "template1") -> str:
        """Create a database and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(f"{self.server_url}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return f"{self.server_url}/{name}"

    def drop(self, url: str) -> None:
        name = url.rpartition("/")[2]
        with psycopg.connect(f"{self.server_url}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _end(self, number: int) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        # Its children have groups of their own, and would hold the memory for the next server.
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.send_signal(number)
        self._process.wait(30)
        if number == signal.SIGKILL:
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=30)

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"{self.server_url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _program(self, name: str) -> str:
        folder = binaries()
        assert folder is not None
        return str(folder / name)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [self._program(name), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **self._identity(),
        )

    def _identity(self) -> dict[str, Any]:
        if not self._root:
            return {}
        group = pwd.getpwnam(self._user).pw_gid
        return {"user": self._user, "group": group, "extra_groups": []}


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
