"""Installing a native Lean as its own project says: elan first, then the toolchain.

elan's release archive comes from GitHub over HTTPS and is unpacked only when it has the SHA-256
that GitHub publishes for it, or the one given. Lean itself is fetched by elan.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx

from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, ToolchainMissing
from aludel.lean_checker.native.locate import (
    NativeLean,
    elan_folder,
    elan_home,
    find_native,
)
from aludel.lean_checker.releases import EXPORTED_FROM, is_served, numbers_of

LATEST = "https://api.github.com/repos/leanprover/elan/releases/latest"
_TIMEOUT_S = 600.0
_INSTALL_S = 3_600.0
_VERSION = re.compile(r"(\d+)\.(\d+)\.\d+(-rc\d+)?")
_BY_HAND = "install elan by hand (https://lean-lang.org/install) and run this again"
_TARGETS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-gnu",
    ("Linux", "aarch64"): "aarch64-unknown-linux-gnu",
    ("Darwin", "x86_64"): "x86_64-apple-darwin",
    ("Darwin", "arm64"): "aarch64-apple-darwin",
}


def install_native(
    version: str, *, sha256: str | None = None, client: httpx.Client | None = None
) -> NativeLean:
    """Install ``leanprover/lean4:vVERSION`` with elan, and elan before it where there is none.

    Args:
        version: such as ``4.28.0`` or ``4.29.0-rc1``.
        sha256: checksum of elan's archive; by default the one that GitHub publishes.
        client: fetches it.

    Raises:
        InvalidRequest: the version is none, or none that the server program is written for.
        Conflict: elan's archive has another checksum; nothing of it was run.
        BackendUnavailable: something could not be fetched.
        ToolchainMissing: there is no elan for this system, or what was installed does not run.
    """
    _validate(version)
    if not elan_folder(version).exists():
        elan = _find_elan() or _install_elan(sha256, client)
        _run([str(elan), "toolchain", "install", f"leanprover/lean4:v{version}"])
    return find_native(f"lean-{version}", any_release=True)


def install_steps(version: str) -> list[str]:
    """Return what :func:`install_native` would do as lines of shell; nothing is done or fetched.

    What no line of shell says is a comment.

    Raises:
        InvalidRequest: the version is none, or too old for the server program.
    """
    _validate(version)
    folder = elan_folder(version)
    if folder.exists():
        return [f"# nothing: {folder} is there"]
    elan, steps = _find_elan(), []
    if elan is None:
        elan = elan_home() / "bin" / "elan"
        steps = [
            f"# fetch elan's latest release ({LATEST}), compare its SHA-256, and unpack it here",
            "./elan-init -y --no-modify-path --default-toolchain none",
        ]
    return [*steps, f"{shlex.quote(str(elan))} toolchain install leanprover/lean4:v{version}"]


def _validate(version: str) -> None:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise InvalidRequest(
            f"{version!r} is no Lean release", field="--version", fix="give one such as 4.28.0"
        )
    if not is_served(version) and numbers_of(version) < EXPORTED_FROM:
        least = f"{EXPORTED_FROM[0]}.{EXPORTED_FROM[1]}.0"
        raise InvalidRequest(
            f"Lean {version} is too old: nothing can be checked with it",
            field="--version",
            fix=f"give {least}, the first that is judged by exports, or a later one",
        )


def _find_elan() -> Path | None:
    own = elan_home() / "bin" / "elan"
    found = shutil.which("elan")
    return own if own.is_file() else Path(found) if found else None


def _install_elan(sha256: str | None, client: httpx.Client | None) -> Path:
    with (
        client or httpx.Client(follow_redirects=True, timeout=_TIMEOUT_S) as http,
        tempfile.TemporaryDirectory() as folder,
    ):
        archive = _fetch(http, sha256, Path(folder))
        with tarfile.open(archive) as tar:
            tar.extract("elan-init", folder, filter="data")
        _run([f"{folder}/elan-init", "-y", "--no-modify-path", "--default-toolchain", "none"])
    return elan_home() / "bin" / "elan"


def _fetch(http: httpx.Client, sha256: str | None, folder: Path) -> Path:
    """Fetch elan's archive; return it once its checksum is right."""
    url, published = _asset(http)
    expected = (sha256 or published or "").lower()
    if not expected:
        raise BackendUnavailable(
            "GitHub publishes no checksum of elan's archive", fix="give it with --sha256"
        )
    path = folder / "elan.tar.gz"
    try:
        answer = http.get(url)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise _unreachable("elan's archive", error) from error
    path.write_bytes(answer.content)
    found = hashlib.sha256(answer.content).hexdigest()
    if found != expected:
        raise Conflict(
            f"elan's archive has the checksum {found}, not {expected}",
            field="--sha256",
            fix="fetch it again; do not use this one",
        )
    return path


def _asset(http: httpx.Client) -> tuple[str, str | None]:
    """The address of the archive for this system, and the SHA-256 that GitHub publishes for it."""
    system = (platform.system(), platform.machine())
    if system not in _TARGETS:
        raise ToolchainMissing(f"there is no elan archive for {' '.join(system)}", fix=_BY_HAND)
    wanted = f"elan-{_TARGETS[system]}.tar.gz"
    try:
        answer = http.get(LATEST)
        answer.raise_for_status()
        assets = {str(each["name"]): each for each in answer.json()["assets"]}
        asset = assets[wanted]
        digest = re.fullmatch(r"sha256:([0-9a-f]{64})", str(asset.get("digest") or ""))
        return str(asset["browser_download_url"]), digest[1] if digest else None
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise _unreachable("elan's latest release", error) from error


def _unreachable(what: str, error: Exception) -> BackendUnavailable:
    return BackendUnavailable(
        f"{what} could not be fetched: {error!r}",
        fix=f"go online, or {_BY_HAND}; lean-embedded needs neither",
    )


def _run(argv: Sequence[str]) -> None:
    """Run a step of the installation; what it says goes to standard error.

    Raises:
        BackendUnavailable: it failed, which offline it does.
    """
    env = {**os.environ, "ELAN_HOME": str(elan_home())}
    try:
        done = subprocess.run(
            list(argv),
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(f"{argv[0]} does not run: {error}", fix=_BY_HAND) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise BackendUnavailable(
            f"`{' '.join([Path(argv[0]).name, *argv[1:]])}` failed: {said}",
            fix="go online and try again; a version must be one of Lean's releases",
        )
