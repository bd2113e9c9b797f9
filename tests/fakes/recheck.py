"""Checking the texts of an export again, in a process that did nothing else before."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

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


def ensure_proved(rows: Sequence[dict[str, Any]]) -> None:
    """See that each row's text is accepted and declares its name, and that planted ones are not."""
    verdicts = recheck([*PLANTED, *rows])
    planted, rest = verdicts[: len(PLANTED)], verdicts[len(PLANTED) :]
    assert [one["kind"] for one in planted] == ["accepted", "rejected", "rejected"]
    assert [v for v in rest if v["kind"] != "accepted" or v["name"] not in v["declared"]] == []
    assert [one["name"] for one in rest] == [row["name"] for row in rows]
