"""Folders that a hostile program writes to: what they hold is bounded, and all of it is removed.

Such a program may nest folders deeper than any recursion goes, and take the right to list them from
their owner, which is us.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

MOST_FILES = 1_000
"""Files that a program may leave in its folder."""
MOST_LEVELS = 20
"""Folders in each other that it may make there."""
STALE_S = 24 * 3600.0
"""Age of a folder that no process is at work in any more."""


def holds_more(folder: Path, most: float) -> bool:
    """Whether the files below a folder are larger, more, or deeper down than they may be.

    A folder that cannot be looked into may hold anything.
    """
    size, count = 0, 0
    todo = [(str(folder), 0)]
    while todo:
        where, level = todo.pop()
        try:
            for path, found in _entries(where):
                count += 1
                if stat.S_ISDIR(found.st_mode):
                    todo.append((path, level + 1))
                else:
                    size += found.st_size
        except OSError:
            return True
        if count > MOST_FILES or level > MOST_LEVELS or size > most:
            return True
    return False


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """What a folder holds, without what is gone by the time that it is looked at."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                yield entry.path, found


def nameless_bytes(pid: int) -> int:
    """Bytes of the files that a process holds open and that have no name any more."""
    return sum(found.st_size for found in _open_files(pid) if found.st_nlink == 0)


def _open_files(pid: int) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found = entry.stat()
                if stat.S_ISREG(found.st_mode):
                    yield found


def remove_folder(folder: Path) -> None:
    """Remove a folder that no program writes to any more; what cannot be removed stays.

    Nothing recurses: what a folder in it holds is moved up, under a name that nobody knew.
    """
    with contextlib.suppress(OSError):
        todo = [str(folder)]
        while todo:
            path = todo[-1]
            inner = _emptied(path, folder)
            if inner:
                todo += inner
            else:
                todo.pop()
                os.rmdir(path)  # noqa: PTH106 - as above


def _emptied(path: str, folder: Path) -> list[str]:
    """Remove the files of a folder, and return where its folders are now."""
    os.chmod(path, stat.S_IRWXU)  # noqa: PTH101 - one of many calls
    moved: list[str] = []
    for entry in list(os.scandir(path)):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)  # noqa: PTH108 - as above
        else:
            os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101 - it is moved, so it is written to
            place = os.path.join(folder, secrets.token_hex(16))  # noqa: PTH118 - as above
            os.rename(entry.path, place)  # noqa: PTH104 - as above
            moved.append(place)
    return moved


def remove_stale(parent: Path) -> None:
    """Remove the folders that processes left which were killed; those at work are younger."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            with contextlib.suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE_S:
                    remove_folder(Path(entry.path))
