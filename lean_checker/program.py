"""Compiling the server program once, and again whenever its sources have changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Protocol

import psutil

from aludel.errors import ToolchainMissing
from aludel.lean_checker.lock import folder_lock
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.server_program import (
    BOOT,
    SOURCES,
    ProgramSource,
    server_source,
    source_path,
)
from aludel.lean_checker.watchdog import Watchdog
from aludel.progress import Progress

_COMPILE_S = 300.0
_EXIT_MARK = "[exit "  # the host says the code and kills itself; see shared.cjs
_LOCK_S = 900.0
_COMPILE_MB = 1_800
_KEPT = 8
_MODULES_KEPT = 400
_COMPILED = "compiled.modules"  # the suffix keeps it apart from the programs
_MODULES = "modules.txt"
_IMPORT = re.compile(r"^(?:public |meta )*import ([\w.]+)", re.MULTILINE)


class LeanHost(Protocol):
    """A Lean that compiles and runs programs of ours, of either kind."""

    @property
    def version(self) -> str:
        """The release, which decides what of the program is compiled."""
        ...

    @property
    def programs(self) -> Path:
        """The folder of its compiled programs."""
        ...

    def compile_command(self, folder: Path, source: Path) -> ServerCommand:
        """Return the command that compiles the module at ``folder / source`` beside its source."""
        ...

    def run_command(self, folder: Path, main: str, search: Sequence[Path] = ()) -> ServerCommand:
        """Return the command that runs the file ``main`` of the program in ``folder``.

        ``search``: folders of modules that it may import besides the library's.
        """
        ...


def program_folder(host: LeanHost, source: ProgramSource | None = None) -> Path:
    """The folder of the compiled program, whether it is there yet or not."""
    return host.programs / (source or server_source(host.version)).digest[:32]


def ensure_program(host: LeanHost, progress: Progress, source: ProgramSource | None = None) -> Path:
    """Return the folder of the compiled program; compile it first when it is not there.

    Without a ``source``, it is the server program.

    Raises:
        ToolchainMissing: it does not compile, or the cache folder cannot be written.
    """
    source = source or server_source(host.version)
    folder = program_folder(host, source)
    if (folder / _MODULES).is_file():
        return folder
    try:
        with folder_lock(folder.with_suffix(".lock"), _LOCK_S):
            if not (folder / _MODULES).is_file():
                _compile(host, source, folder, progress)
    except OSError as error:
        raise ToolchainMissing(
            f"cannot keep the compiled server program: {error.strerror}",
            field=str(folder),
            fix="make the folder writable, or set ALUDEL_CACHE_DIR",
        ) from error
    return folder


def _compile(host: LeanHost, source: ProgramSource, folder: Path, progress: Progress) -> None:
    """Compile into a sibling, then rename: the program is there whole or not at all."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _compile_modules(host, source, partial, progress)
        for path in partial.rglob("*"):
            if path.is_file() and path.suffix != ".ir":
                path.unlink()
        shutil.copyfile(SOURCES / BOOT, partial / BOOT)
        paths = [f"{module.replace('.', '/')}.ir\n" for module in source.modules]
        (partial / _MODULES).write_text("".join(paths), encoding="utf-8")
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _prune(folder.parent, _KEPT)
    _prune(folder.parent / _COMPILED, _MODULES_KEPT)


def _compile_modules(
    host: LeanHost, source: ProgramSource, folder: Path, progress: Progress
) -> None:
    """Compile each module as soon as those it imports are there, as many at once as fit."""
    progress.step("Compiling the server program", len(source.modules))
    kept = {name: host.programs / _COMPILED / key for name, key in _module_digests(source).items()}
    graph = TopologicalSorter({module: _imports(source, module) for module in source.modules})
    graph.prepare()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(_parallel()) as pool:
        while graph.is_active():
            for module in graph.get_ready():
                work = pool.submit(_module, host, source, module, folder, kept[module])
                running[work] = module
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                module = running.pop(future)
                future.result()
                graph.done(module)
                progress.advance(1)


def _imports(source: ProgramSource, module: str) -> set[str]:
    """Return the modules of the program that ``module`` imports."""
    text = source.file(module).read_text(encoding="utf-8")
    return set(_IMPORT.findall(text)) & set(source.modules)


def _parallel() -> int:
    by_memory = int(psutil.virtual_memory().available / 2**20 / _COMPILE_MB)
    return max(1, min(os.cpu_count() or 1, by_memory))


def _module_digests(source: ProgramSource) -> dict[str, str]:
    """The SHA-256 of each module's text and of all that it imports of the program."""
    digests: dict[str, str] = {}
    for module in source.modules:
        digest = hashlib.sha256(source.file(module).read_bytes())
        for imported in sorted(_imports(source, module)):
            digest.update(f"{imported} {digests[imported]}\n".encode())
        digests[module] = digest.hexdigest()[:32]
    return digests


def _prune(folder: Path, kept: int) -> None:
    """Forget what other versions of the sources left, all but the last few."""
    others = [path for path in folder.iterdir() if path.is_dir() and not path.suffix]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-kept]:
        shutil.rmtree(path, ignore_errors=True)


def _module(host: LeanHost, source: ProgramSource, module: str, folder: Path, kept: Path) -> None:
    """Take a module from what was compiled before, or compile it and keep the result there."""
    target = (folder / source_path(module, Path())).parent
    target.mkdir(parents=True, exist_ok=True)
    if not kept.is_dir():
        _compile_module(host, source, module, folder)
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(suffix=".partial", dir=kept.parent) as beside:
            partial = Path(beside) / kept.name
            partial.mkdir()
            for path in target.glob(f"{module.rpartition('.')[2]}.*"):
                shutil.copy(path, partial)
            with contextlib.suppress(OSError):  # another program's compilation was first
                partial.replace(kept)
        return
    kept.touch()
    for path in kept.iterdir():
        shutil.copy(path, target)


def _compile_module(host: LeanHost, source: ProgramSource, module: str, folder: Path) -> None:
    relative = source_path(module, Path())
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.file(module), target)
    done = run(host.compile_command(folder, relative), "", _COMPILE_S)
    if done.returncode != 0 or not target.with_suffix(".ir").is_file():
        said = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line]
        raise ToolchainMissing(
            f"the server program does not compile: {said[0] if said else 'no code written'}",
            field=module,
            fix="run `aludel toolchain install --force`; report it if that does not help",
        )


def run(command: ServerCommand, text: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command of a host to its end on the given input; the exit code is Lean's.

    Raises:
        ToolchainMissing: it did not end within ``timeout_s``.
    """
    done = _watched(command, text, timeout_s)
    stderr, mark, code = done.stderr.rpartition(_EXIT_MARK)
    if mark:
        return subprocess.CompletedProcess(done.args, int(code.strip("]\n")), done.stdout, stderr)
    return done


def _watched(
    command: ServerCommand, text: str, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process group that does not outlive this process, however it ends."""
    with (
        contextlib.closing(Watchdog()) as watchdog,
        subprocess.Popen(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        watchdog.watch(process.pid)
        try:
            output, errors = process.communicate(text, timeout_s)
        except subprocess.TimeoutExpired as error:
            raise ToolchainMissing(
                f"Lean did not finish within {timeout_s:.0f} s",
                fix="run `aludel toolchain install --force` on a less busy machine",
            ) from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        watchdog.forget(process.pid)
        return subprocess.CompletedProcess(command.argv, process.returncode, output, errors)
