"""Making a Lake project: Lake's steps, with stand-ins for elan and lake."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from aludel.cli.lake_project import command
from aludel.cli.toolchain import command as toolchain
from aludel.errors import AludelError, BackendUnavailable, InvalidRequest, ToolchainMissing
from aludel.lean_checker.native.new_project import make_project, plan_project

LAKE = """#!/bin/sh
echo "$PWD $MATHLIB_NO_CACHE_ON_UPDATE $*" >> "$LAKE_LOG"
case "$*" in
*" new "*) mkdir "$3"; echo 'leanprover/lean4:v9.9.9' > "$3/lean-toolchain";;
update) echo 'leanprover/lean4:v9.9.9' > lean-toolchain;;
*"$LAKE_FAILS"*) echo "no route to host" >&2; exit 3;;
esac
"""
ELAN = """#!/bin/sh
folder="$ELAN_HOME/toolchains/$(echo "$3" | sed 's|/|--|; s|:|---|')"
mkdir -p "$folder/bin"
said="Lean (version ${3##*:v}, x86_64, commit 0123456789abcdef, Release)"
printf '#!/bin/sh\\necho "%s"\\n' "$said" > "$folder/bin/lean"
chmod +x "$folder/bin/lean"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with elan and lake in it, and nothing else on PATH."""
    elan = tmp_path / "elan"
    (elan / "bin").mkdir(parents=True)
    for name, text in (("lake", LAKE), ("elan", ELAN)):
        (elan / "bin" / name).write_text(text)
        (elan / "bin" / name).chmod(0o755)
    monkeypatch.setenv("ELAN_HOME", str(elan))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("LAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("LAKE_FAILS", "nothing fails")
    return tmp_path


def said(home: Path) -> list[str]:
    return (home / "log").read_text().splitlines()


def test_the_official_steps_are_taken_in_their_order(home: Path) -> None:
    done = CliRunner().invoke(command, ["init", "mine", "--version", "4.28.0", "--into", str(home)])
    assert done.exit_code == 0, done.output
    root = home / "mine"
    assert said(home) == [
        f"{home} 1 +leanprover/lean4:v4.28.0 new mine math",
        f"{root} 1 update",
        f"{root} 1 exe cache get",
        f"{root} 1 build",
    ]
    # Whatever Lake and Mathlib's hook chose, the release that was asked for is written down.
    assert (root / "lean-toolchain").read_text() == "leanprover/lean4:v4.28.0\n"
    lakefile = tomllib.loads((root / "lakefile.toml").read_text())
    assert lakefile["require"] == [
        {"name": "mathlib", "scope": "leanprover-community", "rev": "v4.28.0"}
    ]
    assert lakefile["lean_lib"] == [{"name": "Mine"}]
    assert "aludel toolchain verify lean-4.28.0 --project" in done.stderr


def test_a_project_without_mathlib(home: Path) -> None:
    arguments = ["init", "mine", "--version", "4.28.0", "--no-mathlib", "--into", str(home)]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    assert [line.split(" ", 2)[2] for line in said(home)] == [
        "+leanprover/lean4:v4.28.0 new mine lib", "build",
    ]  # fmt: skip
    assert "require" not in tomllib.loads((home / "mine" / "lakefile.toml").read_text())


def test_a_dry_run_prints_the_steps_as_shell_and_does_nothing(home: Path) -> None:
    arguments = ["init", "mine", "--version", "4.28.1", "--mathlib", "abc", "--into", str(home)]
    done = CliRunner().invoke(command, [*arguments, "--dry-run"])
    assert done.exit_code == 0, done.output
    assert not (home / "mine").exists()
    assert not (home / "log").exists()
    assert not (home / "elan" / "toolchains").exists()
    install, *steps = done.stdout.splitlines(keepends=True)
    assert install.strip().endswith("elan toolchain install leanprover/lean4:v4.28.1")
    path = f"{home / 'elan' / 'bin'}:/usr/bin:/bin"
    environment = {"PATH": path, "LAKE_LOG": str(home / "log"), "LAKE_FAILS": "nothing fails"}
    script = "set -eu\n" + "".join(steps)
    subprocess.run(["bash", "-c", script], env=environment, check=True)  # it is shell
    assert 'rev = "abc"' in (home / "mine" / "lakefile.toml").read_text()
    assert said(home)[-1].endswith(" build")
    assert f"{home / 'mine'} 1 update" in said(home)  # as the steps themselves are taken
    assert f"export PATH={home / 'elan' / 'bin'}:$PATH\n" in steps


def test_a_step_that_fails_says_where_to_go_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_FAILS", "cache get")
    with pytest.raises(BackendUnavailable) as caught:
        make_project(plan_project("mine", home, "4.28.0", "v4.28.0"), lambda _: None)
    assert "lake exe cache get" in caught.value.message
    assert f"(cd {home / 'mine'} && lake exe cache get)" in str(caught.value.fix)


def test_the_library_is_named_as_lake_names_it() -> None:
    planned = plan_project("my_first_project", Path("/nowhere"), "4.28.0", "")
    assert 'defaultTargets = ["MyFirstProject"]' in planned.lakefile()


def test_names_and_folders_that_do_not_do(home: Path) -> None:
    (home / "there").mkdir()
    for name in ("there", "../x", "a-b", "1a", ""):
        with pytest.raises(InvalidRequest) as caught:
            plan_project(name, home, "4.28.0", "")
        assert caught.value.field == "NAME"


def test_without_lake_elan_is_named(home: Path) -> None:
    (home / "elan" / "bin" / "lake").unlink()
    with pytest.raises(ToolchainMissing, match="elan brings it"):
        make_project(plan_project("mine", home, "4.28.0", ""), lambda _: None)


def test_the_steps_of_an_installation_are_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["install", "lean", "--version", "4.28.1", "--dry-run"]
    done = CliRunner().invoke(toolchain, arguments)
    assert done.stdout.splitlines() == [
        f"{home / 'elan' / 'bin' / 'elan'} toolchain install leanprover/lean4:v4.28.1"
    ]
    (home / "elan" / "bin" / "elan").unlink()
    first, second, third = CliRunner().invoke(toolchain, arguments).stdout.splitlines()
    assert ("SHA-256" in first, second) == (
        True, "./elan-init -y --no-modify-path --default-toolchain none",
    )  # fmt: skip
    subprocess.run(["bash", "-nc", f"{first}\n{second}\n{third}"], check=True)  # it is shell
    assert first.startswith("# ")
    assert third.endswith("toolchain install leanprover/lean4:v4.28.1")
    (home / "elan" / "toolchains" / "leanprover--lean4---v4.28.1").mkdir(parents=True)
    assert CliRunner().invoke(toolchain, arguments).stdout.startswith("# nothing:")
    wrong = CliRunner().invoke(toolchain, ["install", "lean", "--version", "x", "--dry-run"])
    assert isinstance(wrong.exception, AludelError)
    assert CliRunner().invoke(toolchain, ["install", "--dry-run"]).exit_code == 2
