"""docker-compose.yml as an engine would read it, and a stand-in for the engine: bubblewrap.

A container gets the service's command line, environment, user, read-only files, tmpfs and volumes,
and no capabilities. Limits of memory, CPU and processes are left out, and so are the images: their
programs are this machine's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from postgres_server import binaries

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "docker" / "Dockerfile"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
# What the images of others bring along, where a command line relies on it.
USERS = {"redis": "999:999", "postgres": "999:999", "nobody": "65534:65534"}


def read_compose(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with its variables filled in."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if environ.get(name):
            return environ[name]
        if kind == "-":
            return str(rest)
        raise KeyError(f"{name}: {rest}")

    return dict(yaml.safe_load(_VARIABLE.sub(value, COMPOSE.read_text())))


def image_environment(target: str) -> dict[str, str]:
    """Return what ``ENV`` sets in a target of the Dockerfile, those before it included."""
    stages: dict[str, dict[str, str]] = {}
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    name = ""
    for line in text.splitlines():
        if found := re.match(r"FROM (\S+) AS (\S+)", line):
            name = found[2]
            stages[name] = dict(stages.get(found[1], {}))
        elif line.startswith("ENV "):
            stages[name].update(re.findall(r"(\w+)=(\S+)", line))
    return stages[target]


@dataclass(frozen=True)
class Container:
    """A service, run by bubblewrap as its file says.

    Attributes:
        name: of the service.
        service: what the file says of it.
        folder: where its volumes and its log are.
        provers: the folder that an image would have as ``/opt/provers``.
    """

    name: str
    service: Mapping[str, Any]
    folder: Path
    provers: Path | None = None

    def command(self) -> list[str]:
        return [*self.service.get("entrypoint", ()), *self.service["command"]]

    def environment(self) -> dict[str, str]:
        programs = [str(path) for path in program_folders()]
        environment = {"PATH": ":".join(programs), "HOME": "/tmp"}  # noqa: S108 - the container's
        if "build" in self.service:
            environment |= image_environment(self.service["build"]["target"])
            environment["PATH"] = ":".join([*programs, environment["PATH"]])
        return {**environment, **self.service.get("environment", {})}

    def user(self) -> tuple[str, str]:
        """The numbers of user and group."""
        name = self.service["user"]
        user, _, group = USERS.get(name, name).partition(":")
        return user, group

    def start(self, command: list[str], **how: Any) -> subprocess.Popen[bytes]:
        """Start a command in the container; its output is added to the container's log."""
        log = (self.folder / f"{self.name}.log").open("ab")
        with log:
            how.setdefault("stdout", log)
            return subprocess.Popen(
                [*self._bwrap(), *command], stdin=subprocess.DEVNULL, stderr=log, **how
            )

    def run(self, *command: str) -> str:
        """Run a command to its end, as ``docker compose exec`` does, and return its output."""
        process = self.start(list(command), stdout=subprocess.PIPE)
        output, _ = process.communicate(timeout=60)
        if process.returncode:
            raise RuntimeError(f"{self.name}: {command} ended with {process.returncode}")
        return output.decode()

    def healthy(self) -> bool:
        """Whether the health check of the service succeeds."""
        kind, *command = self.service["healthcheck"]["test"]
        assert kind == "CMD"
        return self.start(command).wait(60) == 0

    def _bwrap(self) -> list[str]:
        user, group = self.user()
        wall = ["bwrap", "--die-with-parent", "--unshare-user", "--uid", user, "--gid", group]
        wall += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", self.name]
        wall += ["--clearenv", "--proc", "/proc", "--dev", "/dev"]
        if "ALL" in self.service["cap_drop"]:
            wall += ["--cap-drop", "ALL"]
        wall += self._files()
        if self.service["read_only"]:
            wall += ["--remount-ro", "/"]
        for name, value in self.environment().items():
            wall += ["--setenv", name, str(value)]
        return [*wall, "--chdir", "/tmp", "--"]  # noqa: S108 - the container's

    def _files(self) -> list[str]:
        options: list[str] = []
        for name in ("/usr", "/etc/ssl", "/etc/ld.so.cache", "/etc/alternatives"):
            options += ["--ro-bind-try", name, name]
        for name in ("lib", "lib64", "bin", "sbin"):
            options += ["--symlink", f"usr/{name}", f"/{name}"]
        for entry in self.service.get("tmpfs", ()):
            options += ["--tmpfs", entry.partition(":")[0]]
        # After the tmpfs: a checkout may be below /tmp.
        for path in (Path(sys.base_prefix), Path(sys.prefix), ROOT):
            options += ["--ro-bind", str(path), str(path)]
        if self.provers is not None:
            options += ["--ro-bind", str(self.provers), "/opt/provers"]
        options += ["--ro-bind", str(self.folder / "resolv.conf"), "/etc/resolv.conf"]
        options += ["--ro-bind", str(self.folder / "passwd"), "/etc/passwd"]
        return options + self._volumes()

    def _volumes(self) -> list[str]:
        options = []
        for entry in self.service.get("volumes", ()):
            source, target, *mode = entry.split(":")
            here = ROOT / source if source.startswith(".") else self.folder / source
            if not source.startswith("."):
                here.mkdir(exist_ok=True)
            options += ["--ro-bind" if mode == ["ro"] else "--bind", str(here), target]
        return options


def program_folders() -> list[Path]:
    """Where the programs are that images would have on their PATH."""
    database = binaries()
    assert database is not None
    return [Path(sys.prefix) / "bin", database, Path("/usr/bin")]


def missing() -> str | None:
    """Return what is not here of what running the file takes."""
    wanted = ("bwrap", "redis-server", "prometheus", "wget")
    lacking = [name for name in wanted if shutil.which(name) is None]
    return ", ".join(lacking) or None
