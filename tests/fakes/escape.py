"""Tries what a hostile program would, and prints what came of each attempt as one JSON object.

Arguments: a file that it must not read, a folder that it must not write, a process that it must not
kill, a port of the machine's own.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

SECRET, FOLDER, VICTIM, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def connect() -> None:
    socket.create_connection(("127.0.0.1", PORT), timeout=5).close()


def thread() -> str:
    said: list[str] = []
    worker = threading.Thread(target=said.append, args=("ran",))
    worker.start()
    worker.join()
    return said[0]


def limits() -> list[int]:
    names = ("CORE", "FSIZE", "NOFILE", "CPU", "DATA")
    return [resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] for name in names]


def descriptors() -> list[str]:
    own = f"/proc/{os.getpid()}"
    opened = [fd for fd in range(3, 512) if not _closed(fd)]
    return [str(Path(f"{own}/fd/{fd}").readlink()).replace(own, "own folder") for fd in opened]


def _closed(fd: int) -> bool:
    with contextlib.suppress(OSError):
        os.fstat(fd)
        return False
    return True


def raise_limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read": lambda: Path(SECRET).read_text(),
    "read /etc/passwd": lambda: Path("/etc/passwd").read_text(),
    "list": lambda: os.listdir("/"),  # noqa: PTH208
    "write": lambda: Path(FOLDER, "new").write_text("x"),
    "write /tmp": lambda: Path("/tmp/aludel-escape").write_text("x"),  # noqa: S108
    "remove": lambda: os.remove(SECRET),  # noqa: PTH107
    "its parent's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "socket": socket.socket,
    "pair": socket.socketpair,
    "connect": connect,
    "fork": os.fork,
    "spawn": lambda: subprocess.run(["/bin/sh", "-c", "id"], check=False),
    "exec": lambda: os.execv("/bin/sh", ["sh"]),  # noqa: S606
    "kill": lambda: os.kill(VICTIM, signal.SIGKILL),
    "kill its group": lambda: os.killpg(0, signal.SIGKILL),
    "leave the group": os.setsid,
    "raise a limit": raise_limit,
    "memory": lambda: len(bytearray(1500 * 2**20)),
    "thread": thread,
    "limits": limits,
    "descriptors": descriptors,
    "environment": lambda: sorted(os.environ),
}

found: dict[str, object] = {}
for name, attempt in ATTEMPTS.items():
    try:
        result = attempt()
        json.dumps(result, default=str)
        found[name] = result
    except BaseException as error:  # noqa: BLE001 - whatever stops it is the finding
        found[name] = f"refused: {type(error).__name__}"
print(json.dumps(found, default=str))
