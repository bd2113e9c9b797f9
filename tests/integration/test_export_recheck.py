"""What an export says is proved is proved: its texts are checked again in a fresh process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lean

ALUDEL = str(Path(sys.executable).with_name("aludel"))
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


def aludel(home: Path, *words: str) -> dict[str, Any]:
    """Run a command on a store of its own; return the JSON object it prints."""
    result = subprocess.run(
        [ALUDEL, *words, "--json"],
        cwd=home,
        env={**os.environ, "ALUDEL_DATA_DIR": str(home / "data")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    assert isinstance(content, dict)
    return content


def test_the_recheck_itself_tells_true_from_false() -> None:
    rows = [
        {"name": "good", "imports": ["Init"], "text": "theorem good : 1 + 1 = 2 := rfl\n"},
        {"name": "bad", "imports": ["Init"], "text": "theorem bad : 1 + 1 = 3 := rfl\n"},
        {"name": "lazy", "imports": ["Init"], "text": "theorem lazy : 1 + 1 = 2 := sorry\n"},
    ]
    verdicts = recheck(rows)
    assert [verdict["kind"] for verdict in verdicts] == ["accepted", "rejected", "rejected"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("variants", "size"), [(20, 12), pytest.param(150, 100, marks=pytest.mark.long)]
)
def test_a_sample_of_exported_proofs_is_accepted_again(
    tmp_path: Path, variants: int, size: int
) -> None:
    aludel(tmp_path, "mutate", "Nat.*", "--limit", str(variants), "--out", "mutated")
    report = aludel(tmp_path, "export", "--out", "exported", "--recipe", "cpt")
    lines = [line for path in report["jsonl"] for line in Path(path).read_text("utf-8").split("\n")]
    rows = [json.loads(line) for line in lines if line]
    assert len(rows) == report["rows"]["cpt"] >= size
    sample = random.Random(0).sample(rows, size)
    verdicts = recheck(sample)
    assert [v for v in verdicts if v["kind"] != "accepted" or v["name"] not in v["declared"]] == []
    assert [v["name"] for v in verdicts] == [row["name"] for row in sample]
