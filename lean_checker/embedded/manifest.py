"""The manifest of an installation, by which it is found intact."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from aludel.errors import ToolchainMissing

MANIFEST = "manifest.json"
_CHUNK = 1 << 20
INSTALL_FIX = "run `aludel toolchain install`"
REINSTALL_FIX = "run `aludel toolchain install --force`"


class FileRecord(BaseModel):
    """One file of the installation: size in bytes and SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    sha256: str


class LibraryRecord(BaseModel):
    """The library as a whole: number of files, bytes, SHA-256 over all names and contents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: int
    size: int
    sha256: str


class Manifest(BaseModel):
    """Record of one installed embedded Lean.

    Attributes:
        layout: version of the files' arrangement.
        integrity: the npm integrity that the download had.
        files: the files outside the library that decide verdicts, by path below the root.
        host: which Node host passed its self-test.
        fallback_reason: why the fast host is not used, when it is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: int
    name: str
    version: str
    commit: str
    package: str
    integrity: str
    files: dict[str, FileRecord]
    library: LibraryRecord
    host: Literal["fast", "simple"]
    fallback_reason: str | None = None
    installed: str


def hash_file(path: Path) -> FileRecord:
    """Return size and SHA-256 of a file."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileRecord(size=size, sha256=digest.hexdigest())


def library_record(entries: dict[str, FileRecord]) -> LibraryRecord:
    """Sum up the library's files, given by path below the library folder."""
    lines = "".join(f"{record.sha256}  {name}\n" for name, record in sorted(entries.items()))
    return LibraryRecord(
        files=len(entries),
        size=sum(record.size for record in entries.values()),
        sha256=hashlib.sha256(lines.encode()).hexdigest(),
    )


def scan_library(folder: Path) -> LibraryRecord:
    """Hash every file of an unpacked library."""
    names = (path for path in folder.rglob("*") if path.is_file())
    return library_record({path.relative_to(folder).as_posix(): hash_file(path) for path in names})


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Write the manifest so that it is there whole or not at all."""
    partial = root / f"{MANIFEST}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(manifest.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(root / MANIFEST)


def read_manifest(root: Path) -> Manifest:
    """Read the manifest of the installation at ``root``.

    Raises:
        ToolchainMissing: there is none, or it cannot be understood.
    """
    try:
        text = (root / MANIFEST).read_text(encoding="utf-8")
        return Manifest.model_validate(json.loads(text))
    except FileNotFoundError as error:
        raise ToolchainMissing(
            "the embedded Lean is not installed", field=str(root), fix=INSTALL_FIX
        ) from error
    except (OSError, ValueError, ValidationError) as error:
        raise ToolchainMissing(
            "the embedded Lean's manifest is unreadable",
            field=str(root / MANIFEST),
            fix=REINSTALL_FIX,
        ) from error


def check_sizes(root: Path, manifest: Manifest) -> None:
    """Compare the sizes of the files that decide verdicts; cheap enough for every start.

    Raises:
        ToolchainMissing: a file is missing or has another size.
    """
    for name, record in manifest.files.items():
        path = root / name
        if not path.is_file() or path.stat().st_size != record.size:
            raise _damaged(path)
    if not (root / "lib" / "Init.olean").is_file():
        raise _damaged(root / "lib" / "Init.olean")


def check_hashes(root: Path, manifest: Manifest) -> None:
    """Hash everything and compare (a few seconds).

    Raises:
        ToolchainMissing: a file is missing or differs.
    """
    check_sizes(root, manifest)
    for name, record in manifest.files.items():
        if hash_file(root / name) != record:
            raise _damaged(root / name)
    if scan_library(root / "lib") != manifest.library:
        raise _damaged(root / "lib")


def _damaged(path: Path) -> ToolchainMissing:
    return ToolchainMissing(
        "the embedded Lean is damaged: missing or changed", field=str(path), fix=REINSTALL_FIX
    )
