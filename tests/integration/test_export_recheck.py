"""What an export says is proved is proved: its texts are checked again in a fresh process.

``test_demo.py`` does the same with fewer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recheck import ensure_proved

from aludel.cli.main import cli

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture
def aludel(
    shared_lean: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., dict[str, Any]]:
    """Run a command on a store of its own; return the JSON object it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path / "data"))

    def run(*words: str) -> dict[str, Any]:
        cli.main([*words, "--json"], standalone_mode=False)
        content = json.loads(capsys.readouterr().out)
        assert isinstance(content, dict)
        return content

    return run


def test_a_hundred_exported_proofs_are_accepted_again(
    aludel: Callable[..., dict[str, Any]],
) -> None:
    aludel("mutate", "Nat.*", "--limit", "150", "--out", "mutated")
    report = aludel("export", "--out", "exported", "--recipe", "cpt")
    lines = [line for path in report["jsonl"] for line in Path(path).read_text("utf-8").split("\n")]
    rows = [json.loads(line) for line in lines if line]
    assert len(rows) == report["rows"]["cpt"] >= 100
    ensure_proved(random.Random(0).sample(rows, 100))
