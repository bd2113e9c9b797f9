"""Installed Lean toolchains: a command that behaves like a server, and what decides its verdicts.

Nothing above this module knows about Node. A native Lean would be a :class:`LeanToolchain` with
another command.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aludel.errors import NotFound, ToolchainMissing
from aludel.models import Prover, Toolchain
from aludel.settings import Settings
from lean_checker.embedded import release
from lean_checker.embedded.command import Host
from lean_checker.embedded.install import install_root
from lean_checker.embedded.manifest import (
    INSTALL_FIX,
    Manifest,
    check_hashes,
    check_sizes,
    read_manifest,
)
from lean_checker.embedded.selftest import ensure_tested
from lean_checker.node import find_node
from lean_checker.process import ServerCommand
from lean_checker.program import ensure_program
from lean_checker.progress import Progress, Silent
from lean_checker.server_program import BOOT, sources_digest

NAMES = (release.NAME,)


@dataclass(frozen=True)
class LeanToolchain:
    """A Lean that is ready to be started.

    Attributes:
        toolchain: what the contract says of it.
        command: starts the Lean server.
        note: what the user should know, such as a slow fallback in use.
    """

    toolchain: Toolchain
    command: ServerCommand
    note: str | None = None

    def server_command(self) -> ServerCommand:
        """Return the command that starts a Lean server process."""
        return self.command


@dataclass(frozen=True)
class InstalledLean:
    """A toolchain on disk, as ``aludel toolchain list`` shows it."""

    toolchain: Toolchain
    path: Path
    host: str
    note: str | None


def find_toolchain(
    settings: Settings, name: str | None = None, progress: Progress | None = None
) -> LeanToolchain:
    """Return a toolchain that is ready to start; compiles our program when its sources changed.

    Args:
        settings: says where toolchains are, which is the default, and which Node runs them.
        name: name of a toolchain; None takes ``settings.toolchain``.
        progress: is told of the compilation, which takes up to a minute.

    Raises:
        NotFound: there is no toolchain of that name.
        ToolchainMissing: it is not installed or damaged, or Node is missing or too old.
    """
    wanted = name or settings.toolchain
    if wanted not in NAMES:
        raise NotFound(
            f"unknown toolchain {wanted!r}",
            field="toolchain",
            fix=f"use one of: {', '.join(NAMES)}",
        )
    root = install_root(settings)
    manifest = _intact_manifest(root)
    host = Host(root, manifest.host, find_node(settings))
    shown = progress or Silent()
    ensure_tested(host, shown)
    folder = ensure_program(host, shown)
    return LeanToolchain(_describe(manifest), host.run_command(folder, BOOT), _note(manifest))


def list_toolchains(settings: Settings) -> list[InstalledLean]:
    """Return the toolchains that are installed and look intact."""
    root = install_root(settings)
    try:
        manifest = _intact_manifest(root)
    except ToolchainMissing:
        return []
    return [InstalledLean(_describe(manifest), root, manifest.host, _note(manifest))]


def verify_toolchain(settings: Settings) -> Manifest:
    """Hash every file of the installed toolchain (some seconds); return its manifest.

    Raises:
        ToolchainMissing: it is not installed, or a file is missing or differs.
    """
    root = install_root(settings)
    manifest = _intact_manifest(root)
    check_hashes(root, manifest)
    return manifest


def _intact_manifest(root: Path) -> Manifest:
    manifest = read_manifest(root)
    if manifest.layout != release.LAYOUT:
        raise ToolchainMissing(
            "the embedded Lean was installed by another version of Aludel",
            field=str(root),
            fix=INSTALL_FIX,
        )
    check_sizes(root, manifest)
    return manifest


def _describe(manifest: Manifest) -> Toolchain:
    parts = (
        manifest.files["original/lean.wasm"].sha256,
        manifest.library.sha256,
        sources_digest(),
    )
    return Toolchain(
        prover=Prover.LEAN,
        name=manifest.name,
        version=manifest.version,
        commit=manifest.commit,
        kind="embedded",
        digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
    )


def _note(manifest: Manifest) -> str | None:
    if manifest.host == "fast":
        return None
    return (
        f"the fast host failed its self-test ({manifest.fallback_reason}); the simple one starts "
        "slowly and needs 4 GB a process: set ALUDEL_PROCESS_MEMORY_MB=6000"
    )
