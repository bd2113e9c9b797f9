"""Installing an official F* release archive: fetch, verify, unpack, try, and only then keep.

Archives are those of https://github.com/FStarLang/FStar/releases; they bring their Z3. The checksum
is given, or the SHA-256 that GitHub publishes for the asset; without one nothing is unpacked.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

import httpx

from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, ToolchainMissing
from aludel.fstar_checker.toolchain import PROGRAM, FStarToolchain, find_fstar, installed_folder
from aludel.settings import Settings

RELEASES = "https://github.com/FStarLang/FStar/releases/download"
METADATA = "https://api.github.com/repos/FStarLang/FStar/releases/tags"
VERSION_PATTERN = r"\d{4}\.\d{2}\.\d{2}"
DASHED_SINCE = "2025.01.01"
TIMEOUT_S = 600.0
_CHUNK = 2**20
_PLATFORMS = {
    ("Linux", "x86_64"): "Linux-x86_64",
    ("Darwin", "arm64"): "Darwin-arm64",
    ("Darwin", "x86_64"): "Darwin-x86_64",
}


def install(
    settings: Settings,
    version: str,
    *,
    sha256: str | None = None,
    archive: Path | None = None,
    client: httpx.Client | None = None,
) -> FStarToolchain:
    """Install the release ``version`` and return it; whole or not at all.

    Args:
        version: the release's date, ``2025.10.06``.
        sha256: the archive's checksum; GitHub's own is fetched when it is not given.
        archive: the archive, when it was downloaded by other means (``sha256`` is needed then).

    Raises:
        InvalidRequest: the version or the checksum is not one.
        Conflict: the archive's checksum is another one; nothing was unpacked.
        BackendUnavailable: the archive could not be fetched.
        ToolchainMissing: what was unpacked does not run here.
    """
    _validate(version, sha256, archive)
    target = installed_folder(settings) / version
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".install-") as name:
        folder = Path(name)
        if archive is None:
            archive, sha256 = _download(version, sha256, folder, client)
        _verify(archive, sha256 or "")
        root = _unpack(archive, folder / "unpacked")
        find_fstar(_pointing_at(settings, root))
        if target.exists():
            shutil.rmtree(target)
        root.rename(target)
    return find_fstar(_pointing_at(settings, target))


def asset_name(version: str, system: str | None = None, machine: str | None = None) -> str:
    """Return the name of the release's archive for a platform (this one by default).

    Raises:
        ToolchainMissing: there is no archive for it.
    """
    key = (system or platform.system(), machine or platform.machine())
    if key not in _PLATFORMS:
        message = f"there is no F* archive for {key[0]} {key[1]}"
        raise ToolchainMissing(message, field="fstar", fix="install the opam package fstar")
    if version < DASHED_SINCE:
        return f"fstar_{version}_{_PLATFORMS[key].replace('-', '_')}.tar.gz"
    return f"fstar-v{version}-{_PLATFORMS[key]}.tar.gz"


def _validate(version: str, sha256: str | None, archive: Path | None) -> None:
    if not re.fullmatch(VERSION_PATTERN, version):
        message = f"{version!r} is no F* release"
        raise InvalidRequest(message, field="--version", fix="give its date, as 2025.10.06")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InvalidRequest("is not 64 hexadecimal digits", field="--sha256")
    if archive is not None and sha256 is None:
        message = "an archive downloaded by other means needs its checksum"
        raise InvalidRequest(message, field="--sha256", fix="take it from the release page")


def _download(
    version: str, sha256: str | None, folder: Path, client: httpx.Client | None
) -> tuple[Path, str]:
    with client or httpx.Client(follow_redirects=True, timeout=TIMEOUT_S) as http:
        expected = sha256 or _published_checksum(http, version)
        return _fetch(http, version, folder), expected


def _published_checksum(http: httpx.Client, version: str) -> str:
    """The SHA-256 that GitHub publishes for the asset (``digest``)."""
    wanted = asset_name(version)
    try:
        answer = http.get(f"{METADATA}/v{version}")
        answer.raise_for_status()
        assets = answer.json().get("assets", [])
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        message = f"the release's checksum could not be read: {error}"
        raise BackendUnavailable(message, field="--version", fix="give it with --sha256") from error
    digests = [str(a.get("digest") or "") for a in assets if a.get("name") == wanted]
    match = re.fullmatch(r"sha256:([0-9a-f]{64})", digests[0]) if digests else None
    if match is None:
        message = f"GitHub publishes no checksum for {wanted}"
        raise BackendUnavailable(message, field="--version", fix="give it with --sha256")
    return match[1]


def _fetch(http: httpx.Client, version: str, folder: Path) -> Path:
    name = asset_name(version)
    path = folder / name
    try:
        with http.stream("GET", f"{RELEASES}/v{version}/{name}") as answer:
            answer.raise_for_status()
            with path.open("wb") as stream:
                for chunk in answer.iter_bytes(_CHUNK):
                    stream.write(chunk)
    except (httpx.HTTPError, OSError) as error:
        message = f"{name} could not be fetched: {error}"
        fix = "download it by other means and give it with --tarball and --sha256"
        raise BackendUnavailable(message, field="--version", fix=fix) from error
    return path


def _verify(archive: Path, expected: str) -> None:
    with archive.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected.lower():
        message = f"{archive.name} has the checksum {found}, not {expected}"
        raise Conflict(message, field="--sha256", fix="fetch it again; do not use this one")


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack and return the folder that holds ``bin/fstar.exe``."""
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ToolchainMissing(f"{archive.name} cannot be unpacked: {error}") from error
    found = sorted(folder.glob(f"**/bin/{PROGRAM}"))
    if not found:
        raise ToolchainMissing(f"{archive.name} holds no bin/{PROGRAM}", field="--tarball")
    return found[0].parent.parent


def _pointing_at(settings: Settings, root: Path) -> Settings:
    return settings.model_copy(update={"fstar": str(root / "bin" / PROGRAM)})
