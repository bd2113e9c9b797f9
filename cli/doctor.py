"""``aludel doctor``: everything a user needs, and how to mend what is lacking."""

from __future__ import annotations

import json
import platform
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from aludel.acceptance.report import kept
from aludel.advisories import advisories_of
from aludel.deadline import Deadline
from aludel.errors import (
    EX_UNAVAILABLE,
    AludelError,
    BackendUnavailable,
    InvalidRequest,
    StoreError,
    ToolchainMissing,
)
from aludel.fstar_checker.toolchain import find_fstar
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.install import install_root, is_installed
from aludel.lean_checker.exported.locate import judged_by_exports
from aludel.lean_checker.exported.prover import build_exported
from aludel.lean_checker.native.locate import find_native
from aludel.lean_checker.node import MINIMUM_MAJOR, find_node
from aludel.lean_checker.process import LeanProcess
from aludel.lean_checker.toolchains import find_toolchain, native_host, verify_toolchain
from aludel.lean_checker.watchdog import Watchdog
from aludel.projects import named_projects
from aludel.settings import MEMORY_BROKER, Settings, load_settings

_PYTHON = (3, 11)
_START_S = 180.0
_COLOURS = {"ok": "green", "failed": "red", "absent": "yellow"}


@dataclass(frozen=True)
class Check:
    """One finding: ``failed`` stops Aludel, ``absent`` only what its detail names."""

    name: str
    status: Literal["ok", "failed", "absent"]
    detail: str
    fix: str | None


@dataclass(frozen=True)
class Probe:
    """One check of the doctor: ``run`` returns its finding, or raises what is wrong."""

    name: str
    run: Callable[[Settings], str]
    required: bool = True

    def check(self, settings: Settings) -> Check:
        """Look, and turn what was raised into a finding."""
        try:
            return Check(self.name, "ok", self.run(settings), None)
        except AludelError as error:
            where = f"{error.field}: " if error.field else ""
            status: Literal["failed", "absent"] = "failed" if self.required else "absent"
            return Check(self.name, status, f"{where}{error.message}", error.fix)


def _python(_: Settings) -> str:
    if sys.version_info < _PYTHON:
        wanted = ".".join(map(str, _PYTHON))
        raise ToolchainMissing(
            f"Python {platform.python_version()} is too old", fix=f"use Python {wanted} or newer"
        )
    return platform.python_version()


def _node(settings: Settings) -> str:
    node = find_node(settings)
    return f"{node.version} at {node.path} ({MINIMUM_MAJOR} or newer is needed)"


def _npm(settings: Settings) -> str:
    npm = find_node(settings).npm
    if npm is not None:
        return npm[-1]
    found = shutil.which("npm")
    if found is None:
        raise ToolchainMissing(
            "neither beside Node nor on PATH; only the installation needs it",
            fix="install npm, or use `aludel toolchain install --tarball FILE`",
        )
    return found


def _cache(settings: Settings) -> str:
    folder = settings.cache_dir.expanduser()
    try:
        free = _probe_folder(folder)
    except OSError as error:
        raise ToolchainMissing(
            f"cannot be written: {error.strerror}",
            field=str(folder),
            fix="make it writable, or set ALUDEL_CACHE_DIR",
        ) from error
    needed = release.DOWNLOAD_MB + release.INSTALLED_MB
    if free < needed and not is_installed(install_root(settings)):
        raise ToolchainMissing(
            f"{free} MB are free, the embedded Lean needs {needed}",
            field=str(folder),
            fix="free some space, or set ALUDEL_CACHE_DIR",
        )
    return f"{folder}, {free} MB free"


def _toolchain(settings: Settings) -> str:
    if settings.toolchain != release.NAME:
        folder = Path(settings.project).expanduser() if settings.project else None
        lean = find_native(settings.toolchain, folder)
        native_host(lean, settings)
        return f"{lean.name}, native, at {lean.root}"
    manifest = verify_toolchain(settings)
    slow = f"; slow starts: {manifest.fallback_reason}" if manifest.fallback_reason else ""
    return f"{manifest.name} {manifest.version}, every file intact, {manifest.host} host{slow}"


def _server(settings: Settings) -> str:
    command = find_toolchain(settings).server_command()
    watchdog = Watchdog()
    started = time.monotonic()
    try:
        process = LeanProcess.start(
            command,
            Deadline.after(_START_S),
            watchdog=watchdog,
            memory_mb=settings.process_memory_mb,
        )
        try:
            process.ping(Deadline.after(_START_S))
            return f"answers {time.monotonic() - started:.1f} s after its start"
        finally:
            process.kill()
    finally:
        watchdog.close()


def _verified(settings: Settings) -> str:
    toolchain = find_toolchain(settings).toolchain
    if toolchain.kind == "embedded":
        return "the embedded Lean is the one that the tests run"
    report = kept(settings, toolchain.digest)
    how = f"run `{_how_to_verify(settings)}` (minutes)"
    if report is None:
        raise ToolchainMissing(f"{toolchain.name} was not verified on this machine", fix=how)
    if report.lacks:
        raise ToolchainMissing(f"of {toolchain.name} {report.lacks}", fix=how)
    skipped = sum(row.status == "skipped" for row in report.rows)
    return f"{toolchain.name} on {report.began}; {skipped} of {len(report.rows)} rows left out"


def _how_to_verify(settings: Settings) -> str:
    project = shlex.quote(settings.project) if settings.project else ""
    name = settings.project_name or shlex.quote(settings.toolchain)
    at = f" --project {project}" if project and not settings.project_name else ""
    return f"aludel toolchain verify {name}{at}"


def _advisories(settings: Settings) -> str:
    known = advisories_of(find_toolchain(settings).toolchain)
    if not known:
        return "none published for this version's kernel"
    plain = sum(not one.needs_metaprogram for one in known)
    return (
        f"{len(known)} published for this version's kernel, {plain} of them within reach of plain "
        "text; `aludel toolchain list --json` says what closes each here"
    )


def _database(settings: Settings) -> str:
    try:
        database = make_url(settings.store_url).database
    except ArgumentError as error:
        raise InvalidRequest("not a database URL", field="ALUDEL_DATABASE_URL") from error
    path = Path(database or "")
    try:
        _probe_folder(path.parent)
        if path.exists():
            path.open("r+b").close()
    except OSError as error:
        raise StoreError(
            f"cannot be written: {error.strerror}",
            field=str(path),
            fix="make it writable, or set ALUDEL_DATA_DIR or ALUDEL_DATABASE_URL",
        ) from error
    return f"{path}{'' if path.exists() else ' (made at first use)'}"


def _broker(settings: Settings) -> str:
    if settings.broker_url == MEMORY_BROKER:
        return "in this process; nothing else is needed"
    from aludel.queue import broker_app, ensure_broker

    ensure_broker(broker_app(settings))
    return "answers"


def _redis_server(_: Settings) -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise BackendUnavailable(
            "not on PATH; only the tests need it", fix="make services, or your system's package"
        )
    return found


def _fstar(settings: Settings) -> str:
    try:
        found = find_fstar(settings)
    except AludelError as error:
        message = f"{error.message}; only F* checks need it"
        raise ToolchainMissing(message, field=error.field, fix=error.fix) from error
    return f"{found.toolchain.version} at {found.program} ({found.origin})"


def _exported(settings: Settings) -> str:
    prover = build_exported(settings)
    try:
        exporter, name = prover.checker.modules.exporter, prover.toolchain.name
        return f"{name}, judged by exports that {exporter} writes; candidates alone"
    finally:
        prover.close()


def _pinned(settings: Settings) -> str:
    return _toolchain(settings.model_copy(update={"toolchain": release.NAME}))


PROBES = (
    Probe("Python", _python),
    Probe("Node", _node),
    Probe("npm", _npm, required=False),
    Probe("cache folder", _cache),
    Probe("Lean toolchain", _toolchain),
    Probe("Lean server", _server),
    Probe("verification", _verified, required=False),
    Probe("soundness bugs", _advisories, required=False),
    Probe("database", _database),
    Probe("broker", _broker),
    Probe("redis-server", _redis_server, required=False),
    Probe("F*", _fstar, required=False),
)

_INSTEAD: dict[str, tuple[Probe, ...]] = {
    "Lean toolchain": (Probe("Lean toolchain", _exported), Probe("second kernel", _pinned)),
    "Lean server": (),
    "verification": (),
    "soundness bugs": (),
}
"""What a Lean that is judged by exports is asked in the place of checks of the server program."""
EXPORTED = tuple(probe for each in PROBES for probe in _INSTEAD.get(each.name, (each,)))


def _probes(settings: Settings) -> Iterator[Probe]:
    """Return every check: those of every installation, and one of each project that is named."""
    yield from EXPORTED if judged_by_exports(settings) else PROBES
    try:
        named = named_projects(settings)
    except InvalidRequest as error:
        yield Probe("projects", lambda _, error=error: _raise(error))  # type: ignore[misc]
        return
    for name, of in named.items():
        yield Probe(f"project {name}", lambda _, of=of: _project(of))  # type: ignore[misc]


def _raise(error: AludelError) -> str:
    raise error


def _project(settings: Settings) -> str:
    if judged_by_exports(settings):
        return _exported(settings)
    toolchain = find_toolchain(settings).toolchain
    where = f", with {settings.project}" if settings.project else ""
    found = f"{toolchain.name} {toolchain.version}{where}, digest {toolchain.digest[:12]}"
    if toolchain.kind == "embedded":
        return found
    report = kept(settings, toolchain.digest)
    if report is None or report.lacks:
        return f"{found}; not verified: `{_how_to_verify(settings)}`"
    return f"{found}; verified on {report.began}"


def _probe_folder(folder: Path) -> int:
    """Write a file into ``folder``, or where it would be made; return the free megabytes.

    Raises:
        OSError: it cannot be written.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    with tempfile.TemporaryFile(dir=existing) as file:
        file.write(b"aludel")
        file.flush()
    return shutil.disk_usage(existing).free // 2**20


def _look(settings: Settings, console: Console) -> Iterator[Check]:
    for probe in _probes(settings):
        with console.status(f"Looking at {probe.name}"):
            yield probe.check(settings)


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(as_json: bool) -> int:
    """Check everything Aludel needs, and say how to mend each lack."""
    checks = list(_look(load_settings(), Console(stderr=True)))
    healthy = all(check.status != "failed" for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        _show(checks)
    return 0 if healthy else EX_UNAVAILABLE


def _show(checks: list[Check]) -> None:
    for check in checks:
        status = click.style(f"{check.status:7}", fg=_COLOURS[check.status])
        click.echo(f"{status} {check.name:15} {check.detail}")
        if check.fix:
            click.echo(f"{'':23} to mend it: {check.fix}")
