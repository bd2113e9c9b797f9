"""Clients that generators write from the OpenAPI document, by docs/how-to/generate-a-client.md."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from adapter_env import environment_of
from fake_checker import FakeChecker
from live_api import LiveApi, live_api

from aludel.models import Usage, Verdict
from aludel.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/generate-a-client.md").read_text("utf-8")
PACKAGES = ROOT / ".venv/typescript/node_modules"
COMPILER = "npx tsc --strict --target es2022 --module nodenext --skipLibCheck check.ts"

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


class _Accepting(FakeChecker):
    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        return super()._decide("accept" if word == "theorem" else word, key, usage)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    with live_api(Settings(data_dir=tmp_path_factory.mktemp("api")), lambda _: _Accepting()) as api:
        yield api


def _blocks(language: str, api: LiveApi) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```\n", PAGE, re.S)
    return [block.replace("http://127.0.0.1:8321", api.url) for block in found]


def _run(line: str, folder: Path, *path: Path) -> str:
    environment = {**os.environ, "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}
    done = subprocess.run(
        shlex.split(line.removeprefix("$ ")), cwd=folder, env=environment, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_python_client(api: LiveApi, tmp_path: Path) -> None:
    python = environment_of("openapi-python-client")
    fetch, generate, _ = _blocks("console", api)
    _run(fetch, tmp_path)
    told = _run(generate, tmp_path, python.parent)
    assert "WARNING" not in told and "not be generated" not in told, told
    [program] = _blocks("python", api)
    (tmp_path / "client/check.py").write_text(program, encoding="utf-8")
    assert _run(f"{python} client/check.py", tmp_path) == "accepted\n"
    (tmp_path / "client/check.py").write_text(
        program.replace("wait=30", "wait=100_000"), encoding="utf-8"
    )
    with pytest.raises(AssertionError, match="less than or equal to 300"):
        _run(f"{python} client/check.py", tmp_path)


def test_a_typescript_client(api: LiveApi, tmp_path: Path) -> None:
    if not PACKAGES.exists():
        pytest.skip("openapi-typescript is not installed: make openapi-typescript")
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    shutil.copy(ROOT / "tests/typescript/package.json", tmp_path)
    fetch, _, generate = _blocks("console", api)
    _run(fetch, tmp_path)
    _run(generate, tmp_path)
    [program] = _blocks("ts", api)
    (tmp_path / "check.ts").write_text(program, encoding="utf-8")
    _run(COMPILER, tmp_path)
    assert _run("node check.js", tmp_path) == "accepted\n"
    (tmp_path / "check.ts").write_text(
        program.replace("wait: 30", "wait: 100_000"), encoding="utf-8"
    )
    _run(COMPILER, tmp_path)
    with pytest.raises(AssertionError, match="less than or equal to 300"):
        _run("node check.js", tmp_path)
    (tmp_path / "check.ts").write_text(program.replace("code:", "text:"), encoding="utf-8")
    with pytest.raises(AssertionError, match="text"):  # what the service does not take
        _run(COMPILER, tmp_path)
