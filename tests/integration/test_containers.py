"""Every service of docker-compose.yml, run by its own command line, walled in as the file says.

No engine is here, so bubblewrap stands in for it: see ``compose.Container`` for what it does and
what it does not. Real Redis, PostgreSQL, Prometheus, API, workers and Lean; F* is a stand-in.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compose import ROOT, missing
from postgres_server import NEEDS_POSTGRES

from aludel.lean_checker.toolchains import LeanToolchain
from aludel.settings import load_settings

POD = Path(__file__).parents[1] / "fakes" / "pod.py"
WALL = ["bwrap", "--unshare-user", "--unshare-net", "--cap-add", "ALL", "--dev-bind", "/", "/"]
NEEDS_PROMTOOL = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool (apt-get install prometheus)"
)
NEEDS_ENGINE = pytest.mark.skipif(
    missing() is not None,
    reason=f"needs {missing()} (apt-get install bubblewrap redis-server prometheus wget)",
)


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "docker/prometheus/prometheus.yml"),
        ("test", "rules", "tests/data/alerts_test.yml"),
    ],
)
def test_prometheus_accepts_its_files(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def found(lean_toolchain: LeanToolchain, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("pod")
    cache = load_settings().cache_dir.expanduser().resolve()
    command = [*WALL, sys.executable, str(POD), str(folder), str(cache)]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    logs = "\n".join(f"{path}:\n{path.read_text()}" for path in folder.glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    return json.loads(done.stdout)


@pytest.mark.long
@pytest.mark.lean
@pytest.mark.redis
@NEEDS_ENGINE
class TestServices:
    pytestmark = NEEDS_POSTGRES

    def test_candidates_are_checked_through_them(self, found: Any) -> None:
        assert found["errors"] == [None] * 3
        assert found["items"] == ["accepted", "rejected", "accepted"]
        assert found["keyless"] == 401

    def test_they_run_without_rights_on_files_that_stay(self, found: Any) -> None:
        nothing = "CapBnd: 0000000000000000"
        users = {name: said.removesuffix(nothing).strip() for name, said in found["inside"].items()}
        ours = dict.fromkeys(("api", "lean-worker", "fstar-worker"), "10001")
        assert users == {**ours, "redis": "999", "postgres": "999", "metrics": "65534"}

    def test_the_api_reads_the_datasets_that_workers_write(self, found: Any) -> None:
        assert found["datasets"] == ["written"]

    def test_prometheus_sees_api_and_workers(self, found: Any) -> None:
        assert found["targets"] == dict.fromkeys(("api", "lean-worker", "fstar-worker"), "up")
        assert found["verdicts"] == {"accepted lean": 1, "lean rejected": 1, "accepted fstar": 1}
        assert set(found["rules"]) == {"ok"}

    def test_they_end_when_they_are_told_to(self, found: Any) -> None:
        assert found["exits"] == {"lean-worker": 0, "fstar-worker": 0, "api": 0}
