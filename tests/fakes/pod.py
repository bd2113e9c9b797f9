"""Runs the services of docker-compose.yml in one network of their own, and checks through them.

Usage: ``bwrap --unshare-user --unshare-net --cap-add ALL --dev-bind / / python pod.py DIR CACHE``
with a folder for its files and that of the toolchains. Prints one JSON object of what was found.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
from compose import Container, read_compose
from service_process import until

FAKE_FSTAR = Path(__file__).parent / "fstar_fake.py"
SWAP = "theorem swap (a b : Nat) : a + b = b + a"
CHECKS = [
    {"statement": SWAP, "code": f"{SWAP} := Nat.add_comm a b"},
    {"statement": SWAP, "code": f"{SWAP} := Nat.mul_comm a b"},
    {
        "context": {"prover": "fstar", "module": "T"},
        "statement": "val f : int",
        "code": "let f = 1",
    },
]
# What the database's own image does before it runs the command.
_MAKE_DATABASE = """
umask 077 && printf %s "$POSTGRES_PASSWORD" > /tmp/password &&
initdb --username "$POSTGRES_USER" --pwfile /tmp/password --no-sync $POSTGRES_INITDB_ARGS
"""
_NAME_DATABASE = (
    'PGPASSWORD="$POSTGRES_PASSWORD" createdb -h 127.0.0.1 -U "$POSTGRES_USER" "$POSTGRES_DB"'
)


class Pod:
    """The containers of the file and their processes."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        services = read_compose({"POSTGRES_PASSWORD": "not-a-secret"})["services"]
        homes = {"lean-worker": cache, "fstar-worker": _fake_fstar(folder / "provers")}
        self.containers = {
            name: Container(name, service, folder, homes.get(name))
            for name, service in services.items()
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        users = (c.user() for c in self.containers.values())
        lines = {f"u{user}:x:{user}:{group}::/tmp:/bin/sh\n" for user, group in users}
        (folder / "passwd").write_text("".join(sorted(lines)))
        serve_names(set(services))

    def start(self, *names: str) -> None:
        """Start services and wait until their own checks call them healthy."""
        for name in names:
            container = self.containers[name]
            self._running[name] = container.start(container.command())
        for name in names:
            until(self.containers[name].healthy, f"{name} to be healthy", 90)

    def stop(self, name: str) -> int:
        """End a service as an engine does, and return its exit status."""
        process = self._running.pop(name)
        [first] = psutil.Process(process.pid).children()
        for inner in first.children() or [first]:
            inner.send_signal(signal.SIGTERM)
        return process.wait(_seconds(self.containers[name].service["stop_grace_period"]))

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _fake_fstar(folder: Path) -> Path:
    """Install the hand-written stand-in for F* as ``aludel toolchain install fstar`` does."""
    program = folder / "toolchains" / "fstar" / "0.0.0" / "bin" / "fstar.exe"
    program.parent.mkdir(parents=True)
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo "F* 0.0.0-fake";; --help) echo "--ide";;\n'
        f"*) exec {sys.executable} -I {FAKE_FSTAR};; esac\n"
    )
    program.chmod(0o755)
    return folder


def serve_names(names: set[str]) -> None:
    """Answer DNS as an engine does: the name of a service is an address; here, always this one."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer() -> None:
        while True:
            question, sender = server.recvfrom(512)
            server.sendto(_answer(question, names), sender)

    threading.Thread(target=answer, name="dns", daemon=True).start()


def _answer(question: bytes, names: set[str]) -> bytes:
    """Return the answer to a DNS question (RFC 1035): addresses of version 4, or nothing."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    known = ".".join(labels) in names
    record = struct.pack(">HHHIH4s", 0xC00C, 1, 1, 1, 4, socket.inet_aton("127.0.0.1"))
    found = record if known and question[at + 1 : at + 3] == b"\0\1" else b""
    counts = struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, bool(found), 0, 0)
    return question[:2] + counts + question[12 : at + 5] + found


def check(pod: Pod) -> dict[str, Any]:
    """Make a key as an operator does, submit checks with it, and look at Prometheus."""
    api = pod.containers["api"]
    scopes = ["--scope", "read", "--scope", "submit"]
    key = api.run("aludel", "keys", "create", "lab", *scopes).split()[-1]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url="http://127.0.0.1:8321", timeout=180, headers=headers) as http:
        until(
            lambda: len(http.get("/readyz").json().get("toolchains", ())) == 2, "both provers", 240
        )
        keyless = http.post("/v1/checks", json=CHECKS[0], headers={"Authorization": ""})
        answer = http.post("/v1/checks", params={"wait": 150}, json={"requests": CHECKS})
    items = answer.json()["items"]
    return {
        "keyless": keyless.status_code,
        "items": [item["verdict"] and item["verdict"]["kind"] for item in items],
        "errors": [item["error"] for item in items],
        "datasets": _shared(pod),
        "inside": {name: _inside(container) for name, container in pod.containers.items()},
        **_figures(),
    }


def _shared(pod: Pod) -> list[str]:
    """Write as a Lean worker where datasets go; read, and try to write, as the API."""
    folder = "${ALUDEL_DATA_DIR}/datasets"
    pod.containers["lean-worker"].run("sh", "-c", f"touch {folder}/written")
    look = f"touch {folder}/wrong 2>/dev/null; ls {folder}"
    return pod.containers["api"].run("sh", "-c", look).split()


def _inside(container: Container) -> str:
    """Say who one is in a container, and whether its files can be changed."""
    look = (
        "id -u; touch /probe /usr/probe 2>/dev/null && echo writable; grep CapBnd /proc/self/status"
    )
    return " ".join(container.run("sh", "-c", look).split())


def _figures() -> dict[str, Any]:
    """Ask Prometheus what it found, as soon as it has found everything."""
    with httpx.Client(base_url="http://127.0.0.1:9090/api/v1") as http:

        def ask(path: str, **params: str) -> Any:
            return http.get(path, params=params).json()["data"]

        def up() -> dict[str, str] | None:
            found = ask("/targets")["activeTargets"]
            states = {t["labels"]["job"]: t["health"] for t in found}
            return states if list(states.values()) == ["up"] * 3 else None

        def counted() -> dict[str, int] | None:
            found = ask("/query", query="sum by (prover, kind) (aludel_verdicts_total)")["result"]
            of = {" ".join(sorted(r["metric"].values())): int(r["value"][1]) for r in found}
            return of if sum(of.values()) == len(CHECKS) else None

        return {
            "targets": until(up, "three targets that are up", 60),
            "verdicts": until(counted, "the verdicts of every worker", 60),
            "rules": [rule["health"] for rule in ask("/rules")["groups"][0]["rules"]],
        }


@contextlib.contextmanager
def running(folder: Path, cache: Path) -> Iterator[Pod]:
    """Run all services in the order of their dependencies."""
    pod = Pod(folder, cache)
    try:
        pod.containers["postgres"].run("sh", "-c", _MAKE_DATABASE)
        pod.start("redis", "postgres")
        pod.containers["postgres"].run("sh", "-c", _NAME_DATABASE)
        pod.start("api", "lean-worker", "fstar-worker", "metrics")
        yield pod
    finally:
        pod.close()


def main() -> None:
    folder, cache = map(Path, sys.argv[1:])
    with running(folder, cache) as pod:
        found = check(pod)
        found["exits"] = {name: pod.stop(name) for name in ("lean-worker", "fstar-worker", "api")}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
