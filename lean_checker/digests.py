"""SHA-256 over many files; each is hashed once, until its size or its time changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from aludel.errors import ToolchainMissing
from aludel.progress import Progress

Known = dict[str, tuple[int, int, str]]


def folders_digest(
    folders: Iterable[Path],
    cache: Path,
    patterns: tuple[str, ...],
    progress: Progress | None = None,
) -> str:
    """Return the digest over names and contents of the files below some folders.

    Args:
        folders: in the order in which they count.
        cache: folder that keeps what was hashed, for every list of folders one file.
        patterns: globs over the names of the files that count.
        progress: is told of the files, where some have to be hashed.

    Raises:
        ToolchainMissing: a file cannot be read.
    """
    listed = tuple(folders)
    key = hashlib.sha256("\n".join(map(str, listed)).encode()).hexdigest()
    kept = cache / f"{key[:32]}.json"
    known, now = _read(kept), Known()
    total = hashlib.sha256()
    try:
        files = [(at, folder, path) for at, folder in enumerate(listed)
                 for path in _files(folder, patterns)]  # fmt: skip
        new = sum(_kept_record(path, known) is None for _, _, path in files)
        if progress is not None and new:
            progress.step("Hashing compiled modules", new)
        for place, folder, path in files:
            record = _kept_record(path, known)
            if record is None:
                record = _record(path)
                if progress is not None:
                    progress.advance(1)
            now[str(path)] = record
            total.update(f"{place} {path.relative_to(folder)} {record[2]}\n".encode())
    except OSError as error:
        raise ToolchainMissing(
            f"cannot be read: {error.strerror}", field=str(error.filename), fix="make it readable"
        ) from error
    if now != known:
        _write(kept, now)
    return total.hexdigest()


def folders_stamp(folders: Iterable[Path], patterns: tuple[str, ...]) -> str:
    """Return a digest over names, sizes and times alone, which is quick; it never fails."""
    total = hashlib.sha256()
    for folder in folders:
        for path in _files(folder, patterns):
            with contextlib.suppress(OSError):  # it went away; then the stamp is another one
                status = path.stat()
                total.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return total.hexdigest()


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    return iter(
        sorted({path for glob in patterns for path in folder.rglob(glob) if path.is_file()})
    )


def _kept_record(path: Path, known: Known) -> tuple[int, int, str] | None:
    """What was found out about a file earlier; None where it has changed, or is new."""
    record, status = known.get(str(path)), path.stat()
    unchanged = record is not None and record[:2] == (status.st_size, status.st_mtime_ns)
    return record if unchanged else None


def _record(path: Path) -> tuple[int, int, str]:
    status = path.stat()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return status.st_size, status.st_mtime_ns, digest


def _read(path: Path) -> Known:
    """Hashes of earlier calls; a file that cannot be understood counts as absent."""
    try:
        loaded = json.loads(path.read_text("utf-8"))
        return {str(name): (int(a), int(b), str(c)) for name, (a, b, c) in loaded.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(path: Path, known: Known) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(known), "utf-8")
    partial.replace(path)
