"""Installed Lean toolchains: a command that behaves like a server, and what decides its verdicts.

Nothing above this module knows which kind runs: the embedded Lean under Node, or a native one.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from aludel.errors import InvalidRequest, ToolchainMissing
from aludel.lean_checker.confinement.plan import missing_protection
from aludel.lean_checker.digests import folders_digest
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root, toolchains_folder
from aludel.lean_checker.embedded.manifest import (
    INSTALL_FIX,
    Manifest,
    check_hashes,
    check_sizes,
    read_manifest,
)
from aludel.lean_checker.embedded.selftest import ensure_tested
from aludel.lean_checker.exported.locate import refuse_exported
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.native.leanchecker import CHECK, ModuleChecker
from aludel.lean_checker.native.locate import NativeLean, find_native, native_toolchains
from aludel.lean_checker.node import find_node
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.program import LeanHost, ensure_program
from aludel.lean_checker.project import LeanProject, open_project, require_same_lean
from aludel.lean_checker.server_program import BOOT, server_source, sources_digest
from aludel.models import Prover, Toolchain
from aludel.progress import Progress, Silent
from aludel.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeanToolchain:
    """A Lean that is ready to be started.

    Attributes:
        toolchain: what the contract says of it.
        command: starts the Lean server.
        note: what the user should know, such as a slow fallback in use.
        modules: confirms accepted candidates, where the toolchain brings ``leanchecker``.
    """

    toolchain: Toolchain
    command: ServerCommand
    note: str | None = None
    modules: ModuleChecker | None = None

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
        settings: says where toolchains are, which is the default, which Node runs the embedded
            one, and which Lake project is searched for modules.
        name: which toolchain, as in ``settings.toolchain``, which None takes.
        progress: is told of the compilation, which takes up to a minute.

    Raises:
        NotFound: there is no toolchain of that name.
        InvalidRequest: the project is not one, is not built, or was built by another Lean.
        ToolchainMissing: it is not installed or damaged, or Node is missing or too old, or this
            system cannot confine a native one.
    """
    shown = progress or Silent()
    refuse_exported(name or settings.toolchain)
    project = open_project(Path(settings.project)) if settings.project else None
    ready = _ready(settings, name or settings.toolchain, project, shown)
    if project is None:
        command = ready.host.run_command(ensure_program(ready.host, shown), BOOT)
        return LeanToolchain(
            ready.toolchain, command, ready.note, _module_checker(ready.host, None)
        )
    require_same_lean(project, ready.toolchain)
    ensure_searchable(project, ready.host)
    unchanged = project.guard()  # before the digest is taken, so that nothing comes between
    toolchain = with_project(ready.toolchain, project, settings, shown)
    folder = ensure_program(ready.host, shown)
    command = replace(
        ready.host.run_command(folder, BOOT, project.search),
        options=project.options,
        unbuilt=project.unbuilt,
        unchanged=unchanged,
    )
    if project.note:
        _LOG.warning("%s: %s", project.root, project.note)
    return LeanToolchain(toolchain, command, ready.note, _module_checker(ready.host, project))


def ensure_searchable(project: LeanProject, host: LeanHost) -> None:
    """Refuse folders that a native Lean would take for several, or for none."""
    parted = [folder for folder in project.search if ":" in str(folder)]
    if parted and isinstance(host, NativeHost):
        raise InvalidRequest(
            f"a native Lean cannot search {parted[0]}: it takes the colon for the end of a folder",
            field="project",
            fix="move the project to a folder without one",
        )


def _module_checker(host: LeanHost, project: LeanProject | None) -> ModuleChecker | None:
    if not isinstance(host, NativeHost) or not (host.lean.root / "bin" / CHECK).is_file():
        return None
    search, options = (project.search, project.options) if project else ((), {})
    return ModuleChecker(host, search, host.cache / "candidates", options)


@dataclass(frozen=True)
class _Ready:
    toolchain: Toolchain
    host: LeanHost
    note: str | None = None


def _ready(
    settings: Settings, name: str, project: LeanProject | None, progress: Progress
) -> _Ready:
    if name != release.NAME:
        lean = find_native(name, project.root if project else None)
        return _Ready(_describe_native(lean, settings, progress), native_host(lean, settings))
    root = install_root(settings)
    manifest = _intact_manifest(root)
    host = Host(root, manifest.host, find_node(settings))
    ensure_tested(host, progress)
    return _Ready(_describe(manifest), host, _note(manifest))


def native_host(lean: NativeLean, settings: Settings) -> NativeHost:
    """Return what runs a native Lean.

    Raises:
        ToolchainMissing: this system cannot confine it, and ``settings.sandbox`` demands that.
    """
    lack = missing_protection()
    required = settings.sandbox == "required"
    if lack is not None and required:
        raise ToolchainMissing(
            f"a native Lean cannot be confined here: {lack}",
            field="ALUDEL_SANDBOX",
            fix="use lean-embedded, or set ALUDEL_SANDBOX=available for candidates you trust",
        )
    key = hashlib.sha256(str(lean.root).encode()).hexdigest()[:16]
    cache = toolchains_folder(settings) / f"{lean.name}-{key}"
    return NativeHost(lean, cache, required=required)


def list_toolchains(settings: Settings) -> list[InstalledLean]:
    """Return the toolchains that are installed and look intact: the embedded one, then elan's."""
    native = [
        InstalledLean(_describe_native(lean, settings), lean.root, "native", None)
        for lean in native_toolchains()
    ]
    root = install_root(settings)
    try:
        manifest = _intact_manifest(root)
    except ToolchainMissing:
        return native
    return [InstalledLean(_describe(manifest), root, manifest.host, _note(manifest)), *native]


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


def _describe_native(
    lean: NativeLean, settings: Settings, progress: Progress | None = None
) -> Toolchain:
    """Describe it; its programs and its library decide, and are hashed once."""
    folders = (lean.root / "bin", lean.root / "lib")
    patterns = ("*.olean*", "*.ir", "*.so", "*.dylib", "lean", CHECK)
    sums = folders_digest(folders, sums_folder(settings), patterns, progress)
    return Toolchain(
        prover=Prover.LEAN,
        name=lean.name,
        version=lean.version,
        commit=lean.commit,
        kind="native",
        digest=hashlib.sha256(f"{sums}\n{server_source(lean.version).digest}".encode()).hexdigest(),
    )


def with_project(
    toolchain: Toolchain, project: LeanProject, settings: Settings, progress: Progress | None
) -> Toolchain:
    """Return the toolchain as one that also imports a project: another name, another digest."""
    both = f"{toolchain.digest}\n{project.digest(sums_folder(settings), progress)}"
    digest = hashlib.sha256(both.encode()).hexdigest()
    return toolchain.model_copy(
        update={"name": f"{toolchain.name}+{project.name}", "digest": digest}
    )


def sums_folder(settings: Settings) -> Path:
    """The folder that keeps what was hashed."""
    return toolchains_folder(settings).parent / "digests"


def _note(manifest: Manifest) -> str | None:
    if manifest.host == "fast":
        return None
    return (
        f"the fast host failed its self-test ({manifest.fallback_reason}); the simple one starts "
        "slowly and needs 4 GB a process: set ALUDEL_PROCESS_MEMORY_MB=6000"
    )
