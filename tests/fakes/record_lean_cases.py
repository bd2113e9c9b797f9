"""Record what the real Lean server finds about each case of ``tests/contract/lean_cases.json``.

Run after a change of the Lean server, with the toolchain installed, from the repository's root:
``python tests/fakes/record_lean_cases.py``. The fake server answers with these records, so that the
contract suite means the same on both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aludel.deadline import Deadline
from aludel.errors import InvalidRequest
from aludel.lean_checker.process import LeanProcess
from aludel.lean_checker.prover import build_prover
from aludel.settings import load_settings

CASES = Path(__file__).parents[1] / "contract" / "lean_cases.json"


def record(process: LeanProcess, case: dict[str, Any]) -> None:
    """Replace what is recorded for ``case`` by what ``process`` answers now."""
    body = {
        "imports": case.get("imports"),
        "options": case.get("options", {}),
        "statement": case.get("statement"),
        "code": case["code"],
        "heartbeats": case.get("budget", {}).get("heartbeats", 200_000),
        "allow_native": case.get("policy", {}).get("allow_native_decide", False),
    }
    for recorded in ("facts", "asked", "refused"):
        case.pop(recorded, None)
    try:
        case["facts"] = process.ask("check", body, Deadline.after(60)).result
    except InvalidRequest as refusal:
        code = refusal.code
        case["refused"] = {"code": code, "field": refusal.field, "message": refusal.message}
        return
    if body["statement"] is not None and case["facts"].get("terms"):
        asked = {name: body[name] for name in ("options", "statement", "heartbeats")}
        asked["imports"] = case["facts"]["imports"]
        case["asked"] = process.ask("statement", asked, Deadline.after(60)).result


def written(cases: list[dict[str, Any]]) -> str:
    """Return the cases as text, every table on a line of its own."""
    lines: list[str] = []

    def shortened(value: object) -> object:
        if isinstance(value, list):
            return [shortened(part) for part in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"names", "levels", "exprs", "declarations"}:
            lines.append(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
            return f"<table {len(lines) - 1}>"
        return {key: shortened(part) for key, part in value.items()}

    text = json.dumps(shortened(cases), ensure_ascii=False, indent=1)
    for number, line in enumerate(lines):
        text = text.replace(f'"<table {number}>"', line, 1)
    return text + "\n"


def main() -> None:
    """Record every case and write the file anew."""
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    checker = build_prover(load_settings())
    try:
        with checker.pool.lease(None, Deadline.after(120)) as process:
            for case in cases:
                record(process, case)
    finally:
        checker.close()
    CASES.write_text(written(cases), encoding="utf-8")


if __name__ == "__main__":
    main()
