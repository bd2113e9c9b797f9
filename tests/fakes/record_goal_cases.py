"""Records what the real Lean server answers in sessions, for the fake: ``python FILE``.

The sessions and the tactics tried in each are in SESSIONS; a path holds the tactics from the
statement on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aludel.deadline import Deadline
from aludel.errors import InvalidRequest
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess, Reply
from aludel.lean_checker.toolchains import find_toolchain
from aludel.settings import load_settings

CASES = Path(__file__).parents[1] / "contract" / "goal_cases.json"
AND = "theorem t (a b : Nat) (h : a = b) : b + 0 = a ∧ True"
SESSIONS: list[tuple[list[Any], list[list[str]]]] = [
    (
        [["Init"], "", AND],
        [
            [tactic]
            for tactic in (
                "constructor", "rfl", "nonsense", "sorry", "exact sorry", "run_tac pure ()",
                "simp [h]", "intro x", "refine ⟨?left, ?_⟩", "apply And.intro",
            )
        ]
        + [
            ["constructor", "simp [h]"],
            ["constructor", "case right => trivial"],
            ["constructor", "all_goals simp [h]"],
            ["constructor", "simp [h]", "trivial"],
        ],
    ),
    ([["Init"], "theorem help : 1 = 1 := rfl", "theorem u : 0 + 1 = 1"], [["exact help"], ["rfl"]]),
    ([["Init"], "", "open Nat in theorem v (n : Nat) : succ n ≠ 0"], [["exact succ_ne_zero n"]]),
    ([["Init"], "", "theorem w (n : Nat) : 0 + n = n"], [["induction n"]]),
    (
        [["Init"], "", "theorem l : let x := 2; x = 2"],
        [["intro x"], ["have y := 3"], ["show let z := 2; z = 2"], ["exact rfl"]],
    ),
    (
        [["Init"], "", "theorem m : True ∧ True"],
        [
            ['trace "hi"'],
            ["trace_state"],
            ['constructor <;> trace "a" <;> trace "b"'],
            ["exact?"],
            ['trace "hi"', "constructor"],
        ],
    ),
    ([["Init"], "", "theorem x : nothing"], []),
    ([["Init"], "namespace A", "theorem y : True"], []),
    ([["Init"], "axiom cheat : False\n#eval 1", "theorem y : True"], []),
    ([["Init"], "variable (p : Prop)", "theorem z : ∀ p : Prop, p → p"], [["exact fun _ h => h"]]),
    ([["Nowhere"], "", "theorem y : True"], []),
]  # fmt: skip


def record(process: LeanProcess, opening: list[Any], paths: list[list[str]]) -> dict[str, Any]:
    imports, preamble, statement = opening
    body = {"session": "s", "imports": imports, "preamble": preamble, "statement": statement}
    case: dict[str, Any] = {"open": opening}
    try:
        case["goals"] = process.ask("session_open", body, Deadline.after(60)).result["goals"]
    except InvalidRequest as error:
        refused = {"code": "invalid_request", "field": error.field, "message": error.message}
        return {**case, "refused": refused}
    case["steps"] = {}
    numbers = {"": 0}
    for path in paths:
        parent = numbers["\n".join(path[:-1])]
        step = {"session": "s", "state": parent, "tactics": [path[-1]]}
        answer, _ = process.ask_stream("session_step", step, Deadline.after(60))
        assert not isinstance(answer, Reply)
        case["steps"]["\n".join(path)] = answer
        if answer["error"] is None:
            numbers["\n".join(path)] = answer["state"]
    process.ask("session_close", {"session": "s"}, Deadline.after(60))
    return case


def main() -> None:
    settings = load_settings()
    pool = LeanPool(find_toolchain(settings), settings)
    try:
        cases = []
        for opening, paths in SESSIONS:
            with pool.lease(None, Deadline.after(60)) as process:
                cases.append(record(process, opening, paths))
    finally:
        pool.close()
    CASES.write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
