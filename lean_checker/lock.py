"""A lock between processes: a folder, which only one of them can create."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from aludel.deadline import Deadline
from aludel.errors import BackendUnavailable

_POLL_S = 0.2
_OWNER = "owner.json"
_UNOWNED_S = 10.0  # a lock without an owner this old was left between its two steps


@contextlib.contextmanager
def folder_lock(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock ``path``; a lock whose owner died is taken over.

    Raises:
        BackendUnavailable: another process holds it for longer than ``timeout_s``.
        OSError: the folder cannot be created (read-only or full disk).
    """
    deadline = Deadline.after(timeout_s)
    path.parent.mkdir(parents=True, exist_ok=True)
    while not _take(path):
        if _abandoned(path):
            _remove_abandoned(path)
            continue
        if deadline.passed:
            raise BackendUnavailable(
                "another process is installing the embedded Lean",
                field=str(path),
                fix="wait for it, or end it and try again",
            )
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        _remove(path)


def _take(path: Path) -> bool:
    try:
        path.mkdir()
    except FileExistsError:
        return False
    me = psutil.Process()
    owner = {"pid": me.pid, "started": me.create_time()}
    (path / _OWNER).write_text(json.dumps(owner), encoding="utf-8")
    return True


def _abandoned(path: Path) -> bool:
    try:
        owner = json.loads((path / _OWNER).read_text(encoding="utf-8"))
        return not _runs(int(owner["pid"]), float(owner["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        try:
            return time.time() - path.stat().st_mtime > _UNOWNED_S
        except OSError:
            return False


def _runs(pid: int, started: float) -> bool:
    try:
        return bool(abs(psutil.Process(pid).create_time() - started) < 1.0)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _remove_abandoned(path: Path) -> None:
    """Move the lock away first: of several processes that found it abandoned, one succeeds."""
    grave = path.with_name(f"{path.name}.dead-{os.getpid()}")
    with contextlib.suppress(OSError):
        path.rename(grave)
        _remove(grave)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        (path / _OWNER).unlink(missing_ok=True)
        path.rmdir()
