"""Compiling the server program once, and again whenever its sources have changed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aludel.errors import ToolchainMissing
from lean_checker.embedded.command import Host
from lean_checker.embedded.lock import folder_lock
from lean_checker.embedded.progress import Progress
from lean_checker.process import ServerCommand
from lean_checker.server_program import (
    BOOT,
    SERVER_MODULES,
    SOURCES,
    source_path,
    sources_digest,
)

_COMPILE_S = 300.0
_WARM_UP_S = 300.0
_LOCK_S = 900.0
_MODULES = "modules.txt"
_WARM_UP = (
    '{"id":"1","op":"ping"}\n'
    '{"id":"2","op":"check","code":"theorem t (a b : Nat) : a + b = b + a := by omega"}\n'
)


@dataclass(frozen=True)
class ProgramSource:
    """A program in Lean: modules in dependency order, below a folder, and lines to warm it up."""

    folder: Path
    modules: tuple[str, ...]
    warm_up: str

    @property
    def digest(self) -> str:
        """SHA-256 of the sources."""
        return sources_digest(self.modules, self.folder)


SERVER = ProgramSource(SOURCES, SERVER_MODULES, _WARM_UP)


def program_folder(host: Host, source: ProgramSource = SERVER) -> Path:
    """Where the compiled program is, or will be."""
    return host.root / "programs" / source.digest[:32]


def program_command(host: Host, folder: Path, *, write_cache: Path | None = None) -> ServerCommand:
    """Return the command that runs a compiled program."""
    return host.command(folder, ("--run", f"/program/{BOOT}"), write_cache=write_cache)


def ensure_program(host: Host, progress: Progress, source: ProgramSource = SERVER) -> Path:
    """Return the folder of the compiled program; compile it first when it is not there.

    Raises:
        ToolchainMissing: it does not compile, or the cache folder cannot be written.
    """
    folder = program_folder(host, source)
    cache = folder / host.cache_name()
    if (folder / _MODULES).is_file() and cache.is_file():
        return folder
    try:
        with folder_lock(folder.with_suffix(".lock"), _LOCK_S):
            if not (folder / _MODULES).is_file():
                _compile(host, source, folder, progress)
            if not cache.is_file():
                _write_cache(host, source, folder, progress)
    except OSError as error:
        raise ToolchainMissing(
            f"cannot keep the compiled server program: {error.strerror}",
            field=str(folder),
            fix="make the folder writable, or set ALUDEL_CACHE_DIR",
        ) from error
    return folder


def _compile(host: Host, source: ProgramSource, folder: Path, progress: Progress) -> None:
    """Compile into a sibling, then rename: the program is there whole or not at all."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        progress.step("Compiling the server program", len(source.modules))
        for module in source.modules:
            _compile_module(host, source, module, partial)
            progress.advance(1)
        for path in partial.rglob("*"):
            if path.is_file() and path.suffix != ".ir":
                path.unlink()
        shutil.copyfile(SOURCES / BOOT, partial / BOOT)
        paths = [f"/program/{module.replace('.', '/')}.ir\n" for module in source.modules]
        (partial / _MODULES).write_text("".join(paths), encoding="utf-8")
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _compile_module(host: Host, source: ProgramSource, module: str, folder: Path) -> None:
    relative = source_path(module, Path())
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source_path(module, source.folder), target)
    guest = relative.with_suffix(".olean").as_posix()
    command = host.command(
        folder,
        ("-R", "/program", "-o", f"/out/{guest}", f"/program/{relative.as_posix()}"),
        output=folder,
    )
    done = run(command, "", _COMPILE_S)
    if done.returncode != 0 or not target.with_suffix(".ir").is_file():
        said = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line]
        raise ToolchainMissing(
            f"the server program does not compile: {said[0] if said else 'no code written'}",
            field=module,
            fix="run `aludel toolchain install --force`; report it if that does not help",
        )


def _write_cache(host: Host, source: ProgramSource, folder: Path, progress: Progress) -> None:
    """Run the program on some requests and keep the machine code that V8 made of Lean."""
    progress.step("Writing the code cache", 1)
    cache = folder / host.cache_name()
    partial = cache.with_suffix(".partial")
    try:
        run(program_command(host, folder, write_cache=partial), source.warm_up, _WARM_UP_S)
        if not partial.is_file():
            raise ToolchainMissing(
                "Lean stopped before it could write its code cache",
                field=str(partial),
                fix="run `aludel toolchain install --force`",
            )
        partial.replace(cache)
    finally:
        partial.unlink(missing_ok=True)
    progress.advance(1)


def run(command: ServerCommand, text: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end on the given input.

    Raises:
        ToolchainMissing: it did not end within ``timeout_s``.
    """
    try:
        return subprocess.run(
            command.argv,
            input=text,
            env=command.env,
            cwd=command.cwd,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainMissing(
            f"Lean did not finish within {timeout_s:.0f} s",
            fix="run `aludel toolchain install --force` on a less busy machine",
        ) from error
