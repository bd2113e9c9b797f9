"""Installing an F* archive: verified before it is unpacked, tried before it is kept."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path

import httpx
import pytest
from fstar_support import FAKES

from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, ToolchainMissing
from aludel.fstar_checker.install import asset_name, install
from aludel.fstar_checker.toolchain import find_fstar, installed_folder
from aludel.settings import Settings

VERSION = "2025.10.06"
PROGRAM = f"""#!{sys.executable}
import runpy, sys
if "--version" in sys.argv:
    print("F* {VERSION}")
elif "--help" in sys.argv:
    print("  --z3rlimit n   --report_assumes mode")
else:
    sys.argv = sys.argv[:1]
    runpy.run_path({str(FAKES / "fstar_fake.py")!r}, run_name="__main__")
"""


def archive_of(program: str, member: str = "fstar/bin/fstar.exe") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size, info.mode = len(program.encode()), 0o755
        tar.addfile(info, io.BytesIO(program.encode()))
    return buffer.getvalue()


def github(content: bytes, digest: str | None) -> httpx.Client:
    """A stand-in for GitHub: the release's metadata, and the archive."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.github.com":
            assets = [{"name": asset_name(VERSION), "digest": digest}]
            return httpx.Response(200, json={"assets": assets})
        if request.url.path.endswith(asset_name(VERSION)):
            return httpx.Response(200, content=content)
        return httpx.Response(404)

    return httpx.Client(transport=httpx.MockTransport(answer))


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


def test_a_release_is_installed_and_found(settings: Settings) -> None:
    content = archive_of(PROGRAM)
    client = github(content, f"sha256:{checksum(content)}")
    installed = install(settings, VERSION, client=client)
    assert installed.toolchain.version == VERSION
    assert "--report_assumes" in " ".join(installed.command("A.fst"))
    found = find_fstar(settings, {"PATH": ""})
    assert found.program == (installed_folder(settings) / VERSION / "bin/fstar.exe").resolve()
    assert [p.name for p in installed_folder(settings).iterdir()] == [VERSION]


def test_a_wrong_checksum_unpacks_nothing(settings: Settings) -> None:
    content = archive_of(PROGRAM)
    with pytest.raises(Conflict, match="checksum"):
        install(settings, VERSION, client=github(content, "sha256:" + "0" * 64))
    assert list(installed_folder(settings).iterdir()) == []


def test_without_a_checksum_nothing_is_fetched(settings: Settings) -> None:
    with pytest.raises(BackendUnavailable, match="no checksum"):
        install(settings, VERSION, client=github(archive_of(PROGRAM), None))


def test_an_archive_of_ones_own(settings: Settings, tmp_path: Path) -> None:
    content = archive_of(PROGRAM)
    path = tmp_path / "fstar.tar.gz"
    path.write_bytes(content)
    assert install(settings, VERSION, sha256=checksum(content), archive=path)
    with pytest.raises(InvalidRequest, match="needs its checksum"):
        install(settings, VERSION, archive=path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (archive_of("#!/bin/sh\necho no such thing\n"), "no F\\* version"),
        (archive_of(PROGRAM, "fstar/bin/other"), "holds no bin/fstar.exe"),
        (archive_of(PROGRAM, "../escape/bin/fstar.exe"), "cannot be unpacked"),
        (b"not an archive", "cannot be unpacked"),
    ],
)
def test_what_does_not_run_is_not_kept(
    settings: Settings, tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "fstar.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ToolchainMissing, match=told):
        install(settings, VERSION, sha256=checksum(content), archive=path)
    assert list(installed_folder(settings).iterdir()) == []


def test_asset_names_of_both_times() -> None:
    assert asset_name("2024.09.05", "Linux", "x86_64") == "fstar_2024.09.05_Linux_x86_64.tar.gz"
    assert asset_name(VERSION, "Darwin", "arm64") == "fstar-v2025.10.06-Darwin-arm64.tar.gz"
    with pytest.raises(ToolchainMissing, match="opam"):
        asset_name(VERSION, "Plan9", "mips")


@pytest.mark.parametrize(("version", "sha256"), [("latest", None), (VERSION, "abc")])
def test_bad_arguments_are_named(settings: Settings, version: str, sha256: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        install(settings, version, sha256=sha256)
    assert caught.value.field in ("--version", "--sha256")
