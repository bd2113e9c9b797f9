"""What the run of the corpus without the guard keeps and counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "attacks"))

from unguarded import Record, Results, _stated, attacks, summary


def record(key: str, got: str, **more: object) -> Record:
    found: Record = {
        "key": key, "family": "f", "case": key, "run": "fast", "got": got, "by": "elaborator",
        "incidents": {}, "seconds": 1.0,
    }  # fmt: skip
    return found | more


def test_a_line_that_a_kill_cut_short_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(record("a", "sorry")) + "\n" + json.dumps(record("b", "sorry"))[:40])
    assert set(Results(path).records) == {"a"}
    Results(path).add(record("b", "kernel"))
    assert Results(path).records["b"]["got"] == "kernel"


def test_an_acceptance_is_false_until_we_have_proved_it(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(record("a", "accepted"))
    results.add(record("b", "accepted"))
    results.add({"key": "b true", "unproved": []})
    assert [one["case"] for one in summary(results)["not_proved_by_us"]] == ["f: a (fast)"]
    results.add({"key": "a true", "unproved": ["theorem t : 1 = 2"]})
    assert summary(results)["not_proved_by_us"][0]["of"] == ["theorem t : 1 = 2"]


def test_what_became_of_false_statements_afterwards_is_counted(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    lied = record("after", "elaboration", incidents={"kernel": 1})
    results.add(record("a", "sorry", after=lied))
    found = summary(results)
    assert found["runs"]["fast"] == {"cases": 1, "elaborator: sorry": 1}
    assert found["answered_by_an_earlier_program"] == 1
    assert found["false_statement_afterwards"] == {"elaboration": 1}


def test_the_whole_corpus_is_put() -> None:
    found = list(attacks())
    assert len(found) > 800 and not any(case.honest for _, case in found)


def test_propositions_of_evidence_are_read_with_all_arguments() -> None:
    shown = "t._proof_1 : (x1 : Nat) → Eq Nat (HAdd.hAdd Nat Nat Nat (instHAdd Nat f) x1 0) x1"
    assert _stated([shown]) == [
        "theorem p : (x1 : @Nat) → @Eq @Nat (@HAdd.hAdd @Nat @Nat @Nat (@instHAdd @Nat @f) x1 0) x1"
    ]
