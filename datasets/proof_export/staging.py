"""Atomic exports: a staging folder that becomes the dataset when it is complete.

The work happens in ``.NAME.partial`` beside the folder asked for, under a lock; one rename makes it
visible. An export that was killed leaves that hidden folder, with a journal of the shards that are
complete: the same export goes on from there, any other one clears it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from aludel.errors import BackendUnavailable, Conflict, InvalidRequest

MANIFEST = "manifest.json"
CARD = "README.md"
MANIFEST_FORMAT = "aludel-export/1"
JOURNAL = "shards.jsonl"

_LOCK = ".aludel-export.lock"
_REPLACED = "replaced"
_CALLER_AT_FAULT = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}
_IN_THE_WAY = {errno.EEXIST, errno.ENOTEMPTY}


@contextmanager
def staged(out: Path, *, force: bool = False, fingerprint: str = "") -> Iterator[Path]:
    """Yield a folder that becomes ``out`` when the block ends well, and vanishes otherwise.

    It is empty, unless an export with the same fingerprint was killed.

    Args:
        out: the folder to make; it must not exist.
        force: replace ``out`` if it is an earlier export of ours, with nothing else in it.
        fingerprint: of everything that decides the files; empty to begin anew in any case.

    Raises:
        InvalidRequest: ``out`` exists or cannot be written.
        Conflict: another export to ``out`` is running.
        BackendUnavailable: the disk is full or broken.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - resolve() would follow a link at the end
    with _write_errors_mapped(out):
        _check_target(out, force=force)
        out.parent.mkdir(parents=True, exist_ok=True)
        workshop = out.with_name(f".{out.name}.partial")
        with _claimed(workshop, out, fingerprint):
            _check_target(out, force=force)
            folder = workshop / "export"
            folder.mkdir(exist_ok=True)
            yield folder
            _sync_folders(folder)
            _publish(folder, out, workshop, force=force)


def write_synced(path: Path, text: str) -> None:
    """Write a small text file and wait until it is on the disk."""
    with path.open("x", encoding="utf-8", newline="\n") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def _check_target(out: Path, *, force: bool) -> None:
    if not os.path.lexists(out):
        return
    if not force:
        raise InvalidRequest(
            f"{out} exists already",
            field="out",
            fix="choose another folder, or pass --force to replace an earlier export",
        )
    foreign = _foreign_content(out)
    if foreign:
        raise InvalidRequest(
            f"{out} is not an export alone: {foreign}",
            field="out",
            fix="choose another folder; --force replaces only what an export wrote",
        )


def _foreign_content(out: Path) -> str | None:
    """Return what keeps ``out`` from being an export of ours and nothing else, if anything."""
    if out.is_symlink() or not out.is_dir():
        return "it is not a folder"
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        ours = {entry["path"] for entry in manifest["files"]} | {MANIFEST, CARD}
        if manifest["format"] != MANIFEST_FORMAT:
            return f"{MANIFEST} has an unknown format"
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return f"it has no {MANIFEST} of an export"
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if not _is_folder(path)}
    extra = sorted(found - ours)
    return f"it holds {extra[0]}" if extra else None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@contextmanager
def _claimed(workshop: Path, out: Path, fingerprint: str) -> Iterator[None]:
    """Hold ``workshop`` alone, emptied of what another export left; remove it at the end."""
    workshop.mkdir(exist_ok=True)
    lock = workshop / _LOCK
    if not lock.exists() and any(workshop.iterdir()):
        raise Conflict(f"{workshop} is in the way", field="out", fix="move it elsewhere")
    with lock.open("wb") as handle:
        _lock(handle, workshop)
        replaced = workshop / _REPLACED
        if replaced.exists() and not os.path.lexists(out):  # killed between the two renames
            replaced.rename(out)
        if replaced.exists():  # killed after both
            shutil.rmtree(replaced)
        if not _left_by(workshop, fingerprint):
            _clear(workshop)
        try:
            yield
        finally:
            shutil.rmtree(workshop)


def _left_by(workshop: Path, fingerprint: str) -> bool:
    """Whether an export with this fingerprint was killed here."""
    journal = workshop / JOURNAL
    if not fingerprint or not journal.exists():
        return False
    with journal.open(encoding="utf-8") as lines:
        first = lines.readline()
    try:
        return bool(json.loads(first)["fingerprint"] == fingerprint)
    except (ValueError, KeyError, TypeError):
        return False


def _clear(workshop: Path) -> None:
    for left in workshop.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()


def _lock(handle: BinaryIO, workshop: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(
            f"another export is writing to {workshop}", field="out", fix="wait until it has ended"
        ) from error


def _publish(folder: Path, out: Path, workshop: Path, *, force: bool) -> None:
    _check_target(out, force=force)  # again: it may have appeared meanwhile
    replaced = workshop / _REPLACED
    if os.path.lexists(out):
        out.rename(replaced)
    try:
        folder.rename(out)
    except BaseException:
        if replaced.exists():
            replaced.rename(out)
        raise
    _sync(out.parent)


def _sync_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        _sync(Path(folder))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _write_errors_mapped(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _IN_THE_WAY:
            reason = f"{error.filename2 or error.filename} is in the way"
        if error.errno in _CALLER_AT_FAULT | _IN_THE_WAY:
            raise InvalidRequest(
                f"{out} cannot be written: {reason}",
                field="out",
                fix="choose a folder that you may write to",
            ) from error
        raise BackendUnavailable(
            f"writing {out} failed: {reason}",
            field="out",
            fix="free the disk or choose another one and run again; nothing was kept",
        ) from error
