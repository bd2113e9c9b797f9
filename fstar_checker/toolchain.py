"""The F* toolchain: where it is, its version, the options it knows and its digest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aludel.errors import ToolchainMissing
from aludel.fstar_checker.process import FStarProcess
from aludel.fstar_checker.session import Session
from aludel.models import Prover, Toolchain
from aludel.settings import Settings

NAME = "fstar"
PROGRAM = "fstar.exe"
ASK_S = 60.0
PROBE_MEMORY_MB = 2_000
HOW_TO_GET = (
    "run 'aludel toolchain install fstar --version V', install the opam package fstar, or unpack "
    "an official release archive, and set ALUDEL_FSTAR to its bin/fstar.exe"
)
REPORT_ASSUMES = "--report_assumes"
WARN_ERROR = "--warn_error"
Origin = Literal["ALUDEL_FSTAR", "PATH", "installed"]


@dataclass(frozen=True)
class FStarToolchain:
    """An installed F*.

    Attributes:
        toolchain: its identity in the contract.
        program: absolute path of the binary.
        options: long options that its ``--help`` lists.
        features: what its ``--ide`` banner offers.
        environ: the environment its processes start from (its own folder first on ``PATH``).
        origin: what led to it.
    """

    toolchain: Toolchain
    program: Path
    options: frozenset[str]
    features: frozenset[str]
    environ: Mapping[str, str]
    origin: Origin

    def command(self, file_name: str, include: Path | None = None) -> list[str]:
        """Return the argument list of an ``--ide`` session for ``file_name``."""
        words = [str(self.program), "--ide", file_name]
        if REPORT_ASSUMES in self.options:
            words += [REPORT_ASSUMES, "warn"]
        if include is not None:
            words += ["--include", str(include)]
        return words


def find_fstar(settings: Settings, environ: Mapping[str, str] | None = None) -> FStarToolchain:
    """Find F* by ``settings.fstar``, PATH, then what ``aludel toolchain install`` left.

    Raises:
        ToolchainMissing: there is none, or it does not answer ``--version``.
    """
    environ = dict(os.environ if environ is None else environ)
    program, origin = _locate(settings, environ)
    environ["PATH"] = os.pathsep.join([str(program.parent), environ.get("PATH", "")])
    version = _version(_ask(program, "--version", environ))
    options = frozenset(re.findall(r"--[A-Za-z0-9_.]+", _ask(program, "--help", environ)))
    digest = _digest(program, version, environ)
    identity = Toolchain(
        prover=Prover.FSTAR, name=NAME, version=version, kind="native", digest=digest
    )
    features = _features(program, environ)
    return FStarToolchain(identity, program, options, features, environ, origin)


def installed_folder(settings: Settings) -> Path:
    """Return the folder under which ``aludel toolchain install fstar`` unpacks archives."""
    return settings.cache_dir.expanduser().resolve() / "toolchains" / "fstar"


def installed_programs(settings: Settings) -> tuple[Path, ...]:
    """Return the binaries that ``aludel toolchain install fstar`` left, oldest release first."""
    found = sorted(installed_folder(settings).glob(f"*/bin/{PROGRAM}"))
    return tuple(path.resolve() for path in found)


def library_of(program: Path) -> Path | None:
    """Return the folder of F*'s standard library, or None when it stands where none is known."""
    root = program.resolve().parent.parent
    for candidate in (root / "ulib", root / "lib" / "fstar" / "ulib", root / "lib" / "fstar"):
        if candidate.is_dir():
            return candidate
    return None


def library_modules(program: Path) -> frozenset[str]:
    """Return the names of the modules of F*'s library; none where it stands elsewhere."""
    library = library_of(program)
    if library is None:
        return frozenset()
    found = {p.stem for pattern in ("*.fst", "*.fsti") for p in library.rglob(pattern)}
    return frozenset(name[:1].upper() + name[1:] for name in found)


def _locate(settings: Settings, environ: Mapping[str, str]) -> tuple[Path, Origin]:
    if settings.fstar:
        path = Path(settings.fstar).expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            message = f"{path} is not an executable file"
            raise ToolchainMissing(message, field="ALUDEL_FSTAR", fix=HOW_TO_GET)
        return path.resolve(), "ALUDEL_FSTAR"
    found = shutil.which(PROGRAM, path=environ.get("PATH"))
    if found:
        return Path(found).resolve(), "PATH"
    installed = installed_programs(settings)
    if installed:
        return installed[-1], "installed"
    raise ToolchainMissing("no F* was found", field="fstar", fix=HOW_TO_GET)


def _ask(program: Path, option: str, environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [str(program), option],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_S,
            env=dict(environ),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{program} {option} did not answer: {error}"
        raise ToolchainMissing(message, field="fstar", fix=HOW_TO_GET) from error
    return done.stdout + done.stderr


def _version(text: str) -> str:
    match = re.search(r"F\*\s+(\S+)", text)
    if not match:
        message = f"--version answered {text[:200]!r}, which is no F* version"
        raise ToolchainMissing(message, field="fstar", fix=HOW_TO_GET)
    return match[1]


def _features(program: Path, environ: Mapping[str, str]) -> frozenset[str]:
    """Start an ``--ide`` session, read its banner and end it."""
    with tempfile.TemporaryDirectory(prefix="aludel-fstar-") as folder:
        (Path(folder) / "Probe.fst").touch()
        command = [str(program), "--ide", "Probe.fst"]
        session = Session(FStarProcess(command, Path(folder), PROBE_MEMORY_MB, environ))
        session.exit()
        return session.banner.features


def _digest(program: Path, version: str, environ: Mapping[str, str]) -> str:
    """SHA-256 over the binary, its Z3, its library's sources and this package's own sources."""
    digest = hashlib.sha256(version.encode())
    files = [program, *sorted(Path(__file__).parent.glob("*.py"))]
    solver = shutil.which("z3", path=environ.get("PATH"))
    if solver:
        files.append(Path(solver))
    library = library_of(program)
    if library is not None:
        files += sorted(library.rglob("*.fst")) + sorted(library.rglob("*.fsti"))
    for path in files:
        digest.update(path.name.encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
