"""What an export says is proved is proved: its texts are checked again in a fresh process."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aludel.cli.main import cli

pytestmark = pytest.mark.lean

RECHECK = """
import json, sys
from aludel.models import CheckRequest, LeanContext
from aludel.settings import load_settings
from aludel.lean_checker.prover import build_prover

checker = build_prover(load_settings())
for line in sys.stdin:
    row = json.loads(line)
    context = LeanContext(imports=tuple(row["imports"]))
    verdict = checker.check(CheckRequest(context=context, code=row["text"]))
    declared = verdict.evidence.declarations if verdict.kind == "accepted" else ()
    print(json.dumps({"name": row["name"], "kind": verdict.kind, "declared": declared}))
checker.close()
"""


def recheck(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Check each row's text, and nothing else of it but its imports, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", RECHECK],
        input="".join(json.dumps(row) + "\n" for row in rows),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=280,
    )
    return [json.loads(line) for line in result.stdout.splitlines()]


PLANTED = [
    {"name": "good", "imports": ["Init"], "text": "theorem good : 1 + 1 = 2 := rfl\n"},
    {"name": "bad", "imports": ["Init"], "text": "theorem bad : 1 + 1 = 3 := rfl\n"},
    {"name": "lazy", "imports": ["Init"], "text": "theorem lazy : 1 + 1 = 2 := sorry\n"},
]


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


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("variants", "size"), [(20, 12), pytest.param(150, 100, marks=pytest.mark.long)]
)
def test_a_sample_of_exported_proofs_is_accepted_again(
    aludel: Callable[..., dict[str, Any]], variants: int, size: int
) -> None:
    aludel("mutate", "Nat.*", "--limit", str(variants), "--out", "mutated")
    report = aludel("export", "--out", "exported", "--recipe", "cpt")
    lines = [line for path in report["jsonl"] for line in Path(path).read_text("utf-8").split("\n")]
    rows = [json.loads(line) for line in lines if line]
    assert len(rows) == report["rows"]["cpt"] >= size
    sample = random.Random(0).sample(rows, size)
    verdicts = recheck([*PLANTED, *sample])
    planted, verdicts = verdicts[: len(PLANTED)], verdicts[len(PLANTED) :]
    assert [v["kind"] for v in planted] == ["accepted", "rejected", "rejected"]
    assert [v for v in verdicts if v["kind"] != "accepted" or v["name"] not in v["declared"]] == []
    assert [v["name"] for v in verdicts] == [row["name"] for row in sample]
