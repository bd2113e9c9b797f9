"""Installing the embedded Lean once, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.fetch import fetch, verify
from aludel.lean_checker.embedded.glue import GlueFormatError
from aludel.lean_checker.embedded.manifest import (
    FileRecord,
    LibraryRecord,
    Manifest,
    check_sizes,
    read_manifest,
    write_manifest,
)
from aludel.lean_checker.embedded.prepare import prepare_fast
from aludel.lean_checker.embedded.selftest import SelfTestFailed, ensure_tested, self_test
from aludel.lean_checker.embedded.unpack import unpack
from aludel.lean_checker.embedded.wasm import WasmFormatError
from aludel.lean_checker.lock import folder_lock
from aludel.lean_checker.node import Node, find_node
from aludel.lean_checker.program import ensure_program
from aludel.progress import Progress
from aludel.settings import Settings

_LOCK_S = 1_800.0


def install_root(settings: Settings) -> Path:
    """Return the folder of the pinned release."""
    return toolchains_folder(settings) / f"{release.NAME}-{release.VERSION}"


def toolchains_folder(settings: Settings) -> Path:
    """Return the folder of all toolchains."""
    return settings.cache_dir.expanduser().resolve() / "toolchains"


def is_installed(root: Path) -> bool:
    """Whether ``root`` holds an installation of this layout that looks intact."""
    try:
        manifest = read_manifest(root)
        check_sizes(root, manifest)
    except ToolchainMissing:
        return False
    return manifest.layout == release.LAYOUT


def install(
    settings: Settings, progress: Progress, *, tarball: Path | None = None, force: bool = False
) -> Manifest:
    """Install the pinned release; does nothing but compile our program when it is there.

    Everything is made in a sibling folder and renamed at the end. A rerun after an interruption
    removes what was left and starts again; two at once do not meet.

    Args:
        settings: says where, and with which Node.
        progress: is told of each step.
        tarball: the npm package, when it was downloaded by other means.
        force: replace an intact installation, too.

    Raises:
        ToolchainMissing: Node is missing, the download is corrupt, the disk is full...
        BackendUnavailable: another installation is running.
    """
    node = find_node(settings)
    root = install_root(settings)
    with _disk_errors(root), folder_lock(root.with_name(f"{root.name}.lock"), _LOCK_S):
        if force or not is_installed(root):
            _build(root, node, progress, tarball)
        manifest = read_manifest(root)
        host = Host(root, manifest.host, node)
        ensure_tested(host, progress)
        ensure_program(host, progress)
    return manifest


@contextlib.contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = str(error.filename or root)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = f"free {release.INSTALLED_MB + release.DOWNLOAD_MB} MB, or set ALUDEL_CACHE_DIR"
        else:
            fix = "make the folder writable, or set ALUDEL_CACHE_DIR to one that is"
        raise ToolchainMissing(
            f"cannot write the toolchain: {error.strerror}", field=place, fix=fix
        ) from error


def _build(root: Path, node: Node, progress: Progress, tarball: Path | None) -> None:
    partial = root.with_name(f"{root.name}.partial")
    _remove(partial)
    partial.mkdir(parents=True)
    _check_space(partial, tarball)
    try:
        with tempfile.TemporaryDirectory(dir=partial) as download:
            if tarball is None:
                package = fetch(node, Path(download), progress)
            else:
                package = tarball
                verify(package, progress)
            originals, library = unpack(package, partial, progress)
        write_manifest(partial, _prepare(partial, node, progress, originals, library))
        _replace(root, partial)
    finally:
        _remove(partial)


def _prepare(
    root: Path,
    node: Node,
    progress: Progress,
    originals: dict[str, FileRecord],
    library: LibraryRecord,
) -> Manifest:
    """Prepare the fast host and test it; fall back to the simple one, which is tested as well."""
    files = dict(originals)
    host: Literal["fast", "simple"] = "fast"
    reason = None
    try:
        files |= prepare_fast(root, progress)
        self_test(Host(root, "fast", node), progress)
    except (GlueFormatError, WasmFormatError, SelfTestFailed) as error:
        host, reason, files = "simple", str(error), dict(originals)
        shutil.rmtree(root / "fast", ignore_errors=True)
        _test_simple(root, node, progress)
    return Manifest(
        layout=release.LAYOUT,
        name=release.NAME,
        version=release.VERSION,
        commit=release.COMMIT,
        package=release.PACKAGE,
        integrity=release.INTEGRITY,
        files=files,
        library=library,
        host=host,
        fallback_reason=reason,
        installed=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _test_simple(root: Path, node: Node, progress: Progress) -> None:
    try:
        self_test(Host(root, "simple", node), progress)
    except SelfTestFailed as error:
        raise ToolchainMissing(
            f"the embedded Lean does not run here: {error}",
            fix="see docs/reference/embedded-lean.md for what it needs",
        ) from error


def _check_space(folder: Path, tarball: Path | None) -> None:
    needed = release.INSTALLED_MB + (0 if tarball else release.DOWNLOAD_MB)
    free = shutil.disk_usage(folder).free // 2**20
    if free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _replace(root: Path, partial: Path) -> None:
    """Put ``partial`` in the place of ``root``; a process that runs the old one keeps its files."""
    old = root.with_name(f"{root.name}.old")
    _remove(old)
    if root.exists():
        root.rename(old)
    partial.rename(root)
    _remove(old)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
