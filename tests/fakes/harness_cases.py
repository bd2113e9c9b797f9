"""Problems and answers for harnesses, and a checker that judges an answer by its last word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fake_checker import FakeChecker
from hurtful import HURTFUL

from aludel.models import Usage, Verdict

ANSWERS = {
    "good": "accept",
    "fenced": "Here it is:\n```lean\naccept\n```",
    "bad": "reject",
    "open": "undecided",
}
SCORES = {"good": 1.0, "fenced": 1.0, "bad": 0.0, "open": None}
HURTFUL_ANSWERS = {f"t{number}": text for number, text in enumerate(HURTFUL.values())}


class ByLastWord(FakeChecker):
    """Decides by the last word, which is the proof; what it does not know, it rejects."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        last = self.calls[-1].split()[-1:]
        known = last and last[0] in ("accept", "undecided", "crash")
        return super()._decide(last[0] if known else "reject", key, usage)


def write(folder: Path, answers: Mapping[str, str]) -> tuple[Path, Path]:
    """Write a problem for each answer, and the answers by the problems' names."""
    problems, texts = folder / "problems.jsonl", folder / "answers.json"
    rows = [{"name": n, "formal_statement": f"theorem {n} : True := by sorry"} for n in answers]
    problems.write_text("".join(json.dumps(row) + "\n" for row in rows))
    texts.write_text(json.dumps(answers))
    return problems, texts
