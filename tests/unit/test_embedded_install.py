"""Installing: whole or not at all, once, and never two at a time. Lean itself is left out here."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from aludel.errors import BackendUnavailable, ToolchainMissing
from aludel.lean_checker.embedded import install as module
from aludel.lean_checker.embedded import release
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install, install_root, is_installed
from aludel.lean_checker.embedded.manifest import (
    FileRecord,
    LibraryRecord,
    Manifest,
    check_hashes,
    check_sizes,
    library_record,
    read_manifest,
    scan_library,
    write_manifest,
)
from aludel.lean_checker.embedded.selftest import SelfTestFailed
from aludel.lean_checker.embedded.wasm import WasmFormatError
from aludel.lean_checker.lock import folder_lock
from aludel.progress import Progress, Silent
from aludel.settings import Settings


class Calls(NamedTuple):
    """What the stand-ins were asked to do."""

    tests: list[str]
    unpacked: list[Path]


def record(data: bytes) -> FileRecord:
    return FileRecord(size=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    path = tmp_path / "package.tgz"
    path.write_bytes(b"package")
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Leave out what needs the 122 MB: unpacking writes three files, the self-test passes."""
    calls = Calls([], [])

    def unpack(_: Path, root: Path, __: Progress) -> tuple[dict[str, FileRecord], LibraryRecord]:
        calls.unpacked.append(root)
        for name in ("original/lean.js", "original/lean.wasm", "lib/Init.olean"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(name.encode())
        programs = {n: record(n.encode()) for n in ("original/lean.js", "original/lean.wasm")}
        return programs, scan_library(root / "lib")

    def prepare(root: Path, _: Progress) -> dict[str, FileRecord]:
        (root / "fast").mkdir()
        (root / "fast" / "lean.js").write_bytes(b"slim")
        return {"fast/lean.js": record(b"slim")}

    monkeypatch.setattr(module, "verify", lambda *_: None)
    monkeypatch.setattr(module, "unpack", unpack)
    monkeypatch.setattr(module, "prepare_fast", prepare)
    monkeypatch.setattr(module, "self_test", lambda host, _: calls.tests.append(host.kind))
    monkeypatch.setattr(module, "ensure_tested", lambda *_: None)
    monkeypatch.setattr(module, "ensure_program", lambda *_: None)
    return calls


def left_over(settings: Settings) -> list[str]:
    root = install_root(settings)
    return (
        sorted(p.name for p in root.parent.iterdir() if p != root) if root.parent.exists() else []
    )


def test_an_installation_is_recorded(calls: Calls, settings: Settings, tarball: Path) -> None:
    manifest = install(settings, Silent(), tarball=tarball)
    root = install_root(settings)
    assert manifest == read_manifest(root)
    assert manifest.host == "fast"
    assert (manifest.integrity, manifest.commit) == (release.INTEGRITY, release.COMMIT)
    check_hashes(root, manifest)
    assert is_installed(root)
    assert left_over(settings) == []


def test_what_is_there_is_not_installed_again(
    calls: Calls, settings: Settings, tarball: Path
) -> None:
    install(settings, Silent(), tarball=tarball)
    install(settings, Silent(), tarball=tarball)
    assert len(calls.unpacked) == 1
    install(settings, Silent(), tarball=tarball, force=True)
    assert len(calls.unpacked) == 2


@pytest.mark.parametrize("damage", ["original/lean.wasm", "lib/Init.olean", "manifest.json"])
def test_a_damaged_installation_is_replaced(
    calls: Calls, settings: Settings, tarball: Path, damage: str
) -> None:
    install(settings, Silent(), tarball=tarball)
    (install_root(settings) / damage).unlink()
    assert not is_installed(install_root(settings))
    install(settings, Silent(), tarball=tarball)
    assert is_installed(install_root(settings))


def test_an_interrupted_installation_leaves_nothing(
    calls: Calls, settings: Settings, tarball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "self_test", interrupt)
        with pytest.raises(KeyboardInterrupt):
            install(settings, Silent(), tarball=tarball)
    assert not install_root(settings).exists()
    assert left_over(settings) == []
    install(settings, Silent(), tarball=tarball)
    assert is_installed(install_root(settings))


def test_what_a_killed_installation_left_is_cleared(
    calls: Calls, settings: Settings, tarball: Path
) -> None:
    root = install_root(settings)
    partial = root.with_name(f"{root.name}.partial")
    (partial / "lib").mkdir(parents=True)
    (partial / "lib" / "half.olean").write_bytes(b"x")
    lock = root.with_name(f"{root.name}.lock")
    lock.mkdir()
    (lock / "owner.json").write_text(json.dumps({"pid": 2**22 - 1, "started": 1.0}))
    install(settings, Silent(), tarball=tarball)
    assert not (root / "lib" / "half.olean").exists()
    assert left_over(settings) == []


@pytest.mark.parametrize("error", [SelfTestFailed("no answer"), WasmFormatError("two tables")])
def test_the_simple_host_is_the_fallback(
    calls: Calls,
    settings: Settings,
    tarball: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def test(host: Host, _: Progress) -> None:
        calls.tests.append(host.kind)
        if host.kind == "fast":
            raise error

    monkeypatch.setattr(module, "self_test", test)
    manifest = install(settings, Silent(), tarball=tarball)
    assert (manifest.host, manifest.fallback_reason) == ("simple", str(error))
    assert calls.tests == ["fast", "simple"]
    assert not (install_root(settings) / "fast").exists()
    assert is_installed(install_root(settings))


def test_when_no_host_works_nothing_is_installed(
    calls: Calls, settings: Settings, tarball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def test(host: Host, _: Progress) -> None:
        raise SelfTestFailed(f"the {host.kind} host is mute")

    monkeypatch.setattr(module, "self_test", test)
    with pytest.raises(ToolchainMissing, match="simple host is mute"):
        install(settings, Silent(), tarball=tarball)
    assert not install_root(settings).exists()


def test_a_full_disk_is_said(
    calls: Calls, settings: Settings, tarball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "lean.wasm")

    monkeypatch.setattr(module, "prepare_fast", full)
    with pytest.raises(ToolchainMissing, match="No space left") as caught:
        install(settings, Silent(), tarball=tarball)
    assert "free 762 MB" in (caught.value.fix or "")
    assert not install_root(settings).exists()
    assert left_over(settings) == []


def test_too_little_room_is_found_before_the_download(
    calls: Calls, settings: Settings, tarball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = module.shutil.disk_usage(settings.cache_dir.parent)._replace(free=100 * 2**20)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ToolchainMissing, match="No space left"):
        install(settings, Silent(), tarball=tarball)
    assert calls.unpacked == []


def test_a_folder_that_cannot_be_made_is_named(calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ToolchainMissing, match="cannot write") as caught:
        install(Settings(cache_dir=tmp_path / "file" / "cache"), Silent())
    assert str(tmp_path / "file") in (caught.value.field or "")
    assert "ALUDEL_CACHE_DIR" in (caught.value.fix or "")


def small_manifest(root: Path) -> Manifest:
    (root / "original").mkdir(parents=True)
    (root / "original" / "lean.wasm").write_bytes(b"wasm")
    (root / "lib").mkdir()
    (root / "lib" / "Init.olean").write_bytes(b"init")
    manifest = Manifest(
        layout=release.LAYOUT,
        name=release.NAME,
        version=release.VERSION,
        commit=release.COMMIT,
        package=release.PACKAGE,
        integrity=release.INTEGRITY,
        files={"original/lean.wasm": record(b"wasm")},
        library=library_record({"Init.olean": record(b"init")}),
        host="fast",
        installed="2026-01-01T00:00:00Z",
    )
    write_manifest(root, manifest)
    return manifest


def test_equal_sizes_are_not_taken_for_equal_files(tmp_path: Path) -> None:
    manifest = small_manifest(tmp_path / "root")
    (tmp_path / "root" / "original" / "lean.wasm").write_bytes(b"evil")
    check_sizes(tmp_path / "root", manifest)
    with pytest.raises(ToolchainMissing, match="damaged") as caught:
        check_hashes(tmp_path / "root", manifest)
    assert "lean.wasm" in (caught.value.field or "")


@pytest.mark.parametrize("name", ["Init.olean", "Extra.olean"])
def test_a_changed_library_is_found(tmp_path: Path, name: str) -> None:
    manifest = small_manifest(tmp_path / "root")
    (tmp_path / "root" / "lib" / name).write_bytes(b"evil")
    with pytest.raises(ToolchainMissing, match="damaged"):
        check_hashes(tmp_path / "root", manifest)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layout": 1}'])
def test_an_unreadable_manifest_says_how_to_mend_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ToolchainMissing, match="unreadable") as caught:
        read_manifest(tmp_path)
    assert caught.value.fix == "run `aludel toolchain install --force`"


def test_the_lock_is_held_by_one(tmp_path: Path) -> None:
    held, most = [0], [0]

    def enter() -> None:
        with folder_lock(tmp_path / "x.lock", 30.0):
            held[0] += 1
            most[0] = max(most[0], held[0])
            time.sleep(0.02)
            held[0] -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert not (tmp_path / "x.lock").exists()


def test_a_lock_of_a_running_process_is_respected(tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    script = (
        "import sys, pathlib, time\n"
        "from aludel.lean_checker.lock import folder_lock\n"
        f"with folder_lock(pathlib.Path({str(lock)!r}), 5.0):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with (
                pytest.raises(BackendUnavailable, match="another process") as caught,
                folder_lock(lock, 0.3),
            ):
                pytest.fail("two hold the lock")
            assert caught.value.field == str(lock)
        finally:
            holder.kill()
    with folder_lock(lock, 5.0):  # its owner is dead
        assert lock.exists()
    assert not lock.exists()
