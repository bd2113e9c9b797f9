"""The commands of docs/how-to/use-the-api.md, as they stand there, against a live service."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_attempter import FakeAttempter
from fake_checker import FakeChecker
from live_api import live_api
from some_variants import record_variants

from aludel.models import Usage, Verdict
from aludel.settings import Settings
from aludel.workers.exports import write_dataset

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-api.md"

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="needs curl (apt-get install curl)"
)


class _Theorems(FakeChecker):
    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        return super()._decide("accept" if word == "theorem" else word, key, usage)


def test_the_commands_work(tmp_path: Path) -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    assert len(commands) > 10
    settings = Settings(data_dir=tmp_path)
    with live_api(
        settings, lambda _: _Theorems(), attempter=FakeAttempter, export=write_dataset
    ) as api:
        record_variants(api.store, 20)
        _, key = api.store.keys.create("howto")
        host = api.url.removeprefix("http://")
        # With -e every command must succeed; with -f curl does not where the service refuses.
        script = "\n".join(["set -eux", *commands]).replace("localhost:8321", host)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "KEY": key},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert '"kind":"accepted"' in done.stdout
    assert "event: end" in done.stdout
    assert '"pass_at_k":{"1":' in done.stdout and '"p_value":1.0' in done.stdout
    assert '"dataset":{"name":"variants-1","split":"test"}' in done.stdout
