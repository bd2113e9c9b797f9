"""Put the attack corpus to a Lean server without its guard: the design alone must hold.

Usage: ``python tests/attacks/unguarded.py RESULTS``. Each outcome is a line of the file RESULTS; a
run that was stopped goes on with the same file. The last line on stdout counts them, as JSON; exit
code 1 if anything false was accepted.

Every case is put three times:

- ``fast``: to the first tier, in a process that earlier cases had before it. After a case that the
  guard would refuse, the process is asked for a false statement, which a program may answer.
- ``believed``: the server is said to have found nothing wrong, whatever it found, and gives all
  tables: readers of statements and tables, and kernels, decide alone.
- ``replay``: to the second tier, where the first accepts it.

What was accepted must be true: the real server is asked for a proof of ours.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

from unguarded_lean import UNGUARDED, UnguardedPool, unguarded_toolchain

from aludel.errors import AludelError, BackendCrashed, InvalidRequest
from aludel.lean_checker import intake
from aludel.lean_checker.attacks.corpus import Case, all_cases, read_corpus
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.claims import Claim
from aludel.lean_checker.facts import CheckFacts, Declaration
from aludel.lean_checker.judge.deciding import Decision, Judge
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.policy import Question
from aludel.lean_checker.policy import judge as first_verdict
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.toolchains import find_toolchain
from aludel.models import Accepted, CheckRequest, LeanContext, Verdict
from aludel.settings import Settings, load_settings
from aludel.statements import with_proof

CORPUS = Path(__file__).parent / "lean"
RUNS = ("fast", "believed", "replay")
WALL_S = 20.0
VICTIM = CheckRequest(
    statement="theorem after : 1 = 2",
    code="theorem after : 1 = 2 := by decide\n",
    context=LeanContext(imports=("Init",)),
)
PROOF = "by first | trivial | rfl | decide | omega | simp | grind | (intros; first | rfl | omega)"
Record = dict[str, Any]
# Evidence shows all arguments of a constant, and calls variables x1, x2, ...
_CONSTANT = re.compile(r"(?<![\w.])(?=[A-Za-z])(?!x\d|fun\b|Prop\b|Type\b|Sort\b)")


class WatchingJudge(Judge):
    """Notes who decided: ``elaborator`` where it refused the candidate itself."""

    def __init__(self, pool: LeanPool, settings: Settings) -> None:
        super().__init__(pool, settings)
        self.said: list[str] = []

    def decide(self, request: CheckRequest, context: LeanContext, claim: Claim) -> Decision:
        claimed = isinstance(claim.verdict, Accepted)
        self.said.append("statement process" if claimed else "elaborator")
        decision = super().decide(request, context, claim)
        if claimed:
            self.said[-1] = _decider(decision)
        return decision


def _decider(decision: Decision) -> str:
    """Who refused, or accepted, a claim of the elaborator's."""
    reason = decision.verdict.reason
    if reason is None:
        return "both kernels" if len(_evidence(decision.verdict).kernels) == 2 else "one kernel"
    if reason.value in ("kernel_disagreement", "second_kernel"):
        return "second kernel"
    if decision.incident in ("malformed", "missing_declaration", "statement_mismatch", "axiom"):
        return "reader of tables"
    return "first kernel"


def _evidence(verdict: Verdict) -> Any:
    assert isinstance(verdict, Accepted)
    return verdict.evidence


class Results:
    """Outcomes in a file, one to a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # a kill cut the last line short
            path.write_text(whole, encoding="utf-8")
        self.records: dict[str, Record] = {
            record["key"]: record for record in map(json.loads, whole.splitlines())
        }

    def add(self, record: Record) -> None:
        self.records[record["key"]] = record
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def attacks() -> Iterator[tuple[str, Case]]:
    """The attacks of the corpus; those that load all of Lean last, in processes of their own."""
    found = [(f.name, case) for f, case in all_cases(read_corpus(CORPUS)) if not case.honest]
    return iter(sorted(found, key=lambda one: "Lean" in (one[1].imports or ())))


def request_of(case: Case, run: str) -> CheckRequest:
    """The request of a case; where it imports all of Lean, Lean's kernel is asked alone.

    The export of Lean for our own kernel takes longer than the corpus.
    """
    budget = case.budget.model_copy(update={"wall_s": min(case.budget.wall_s, WALL_S)})
    policy = case.policy
    if "Lean" in (case.imports or ()):
        policy = policy.model_copy(update={"second_kernel": "off"})
    tier = "replay" if run == "replay" else "fast"
    update = {"budget": budget, "tier": tier, "policy": policy}
    return case.request().model_copy(update=update)


def key_of(name: str, request: CheckRequest, program: str) -> str:
    return hashlib.sha256(f"{program} {name} {request.model_dump_json()}".encode()).hexdigest()[:24]


def believed(checker: LeanChecker, request: CheckRequest) -> Verdict:
    """The verdict on a candidate of which the elaborator says that nothing is wrong.

    Raises:
        AludelError: as a check does.
    """
    context = intake.validate(request, checker.toolchain)
    claim, _ = checker._claim(request, context, "0" * 64)
    facts, asked = claim.facts, claim.facts.statement
    if asked is not None:
        asked = asked.model_copy(update={"declared": True, "match": "identical"})
    main = Declaration(name="t" if asked is None else asked.name, kind="theorem")
    clean = CheckFacts(imports=facts.imports, statement=asked, declarations=(main,))
    question = Question(request.statement, request.policy, request.code)
    usage = claim.verdict.usage
    said = first_verdict(clean, question, content_hash=claim.verdict.hash, usage=usage)
    return checker.judge.decide(request, context, replace(claim, verdict=said, facts=clean)).verdict


def outcome(
    checker: LeanChecker, judge: WatchingJudge, request: CheckRequest, run: str = "fast"
) -> Record:
    """What became of a request, and by whom."""
    judge.said.clear()
    before, begun = Counter(judge.incidents), time.monotonic()
    record: Record = {}
    try:
        put = believed if run == "believed" else LeanChecker.check
        verdict = put(checker, request)
    except InvalidRequest as error:
        got, message = f"invalid:{error.field}", error.message
    except LimitReached as limit:
        got, message = limit.limit, limit.message
    except BackendCrashed as error:
        got, message = "backend_crashed", error.message
    else:
        got = "accepted" if verdict.reason is None else verdict.reason.value
        message = verdict.message or ""
        if isinstance(verdict, Accepted):
            found = verdict.evidence
            record = {"attribution": found.attribution, "propositions": found.propositions}
    return record | {
        "got": got,
        "by": judge.said[0] if judge.said else "no decision",
        "message": message[:300],
        "incidents": dict(judge.incidents - before),
        "seconds": round(time.monotonic() - begun, 2),
    }


def put_all(
    results: Results, checker: LeanChecker, judge: WatchingJudge, program: str, run: str
) -> None:
    """Put every case that has no outcome yet; to the second tier what the first accepts."""
    for family, case in attacks():
        named = f"{family}/{case.name}"
        first = key_of(f"{named}/fast", request_of(case, "fast"), program)
        if run == "replay" and results.records[first]["got"] != "accepted":
            continue
        request = request_of(case, run)
        key = key_of(f"{named}/{run}", request, program)
        if key in results.records:
            continue
        record = {"key": key, "family": family, "case": case.name, "run": run}
        record |= outcome(checker, judge, request, run)
        if run == "fast" and "forbidden_construct" in case.expect:
            record["after"] = outcome(checker, judge, VICTIM)
        results.add(record | {"statement": case.statement})
        sys.stderr.write(f"{named} ({run}): {record['got']}, {record['by']}\n")


def holds(checker: LeanChecker, case: Case, text: str) -> bool:
    """Whether the real server accepts a proof of ours."""
    context = LeanContext(imports=case.imports, options=case.options)
    request = CheckRequest(context=context, statement=text, code=with_proof(text, PROOF))
    with contextlib.suppress(AludelError):
        return checker.check(request).kind == "accepted"
    return False


def look_into(results: Results, checker: LeanChecker) -> None:
    """Say of every acceptance whether what it proves is true."""
    cases = {(family, case.name): case for family, case in attacks()}
    for record in [r for r in results.records.values() if r["got"] == "accepted"]:
        key = f"{record['key']} true"
        if key in results.records:
            continue
        case = cases[record["family"], record["case"]]
        texts = [case.statement] if case.statement else _stated(record["propositions"])
        unproved = [text for text in texts if not holds(checker, case, text)]
        results.add({"key": key, "got": "looked into", "unproved": unproved})


def _stated(propositions: list[str]) -> list[str]:
    """Statements of propositions that evidence shows as ``name : proposition``."""
    shown = [text.partition(" : ")[2] for text in propositions]
    return [f"theorem p : {_CONSTANT.sub('@', text)}" for text in shown]


def summary(results: Results) -> Record:
    """Counts; an acceptance that the real server does not confirm counts as false."""
    records = [record for record in results.records.values() if "family" in record]
    victims = [record["after"] for record in records if "after" in record]
    looked = {key: r["unproved"] for key, r in results.records.items() if "unproved" in r}
    return {
        "runs": {run: _counts([r for r in records if r["run"] == run]) for run in RUNS},
        "not_proved_by_us": [
            {
                "case": f"{record['family']}: {record['case']} ({record['run']})",
                "of": looked.get(f"{record['key']} true"),
            }
            for record in records
            if record["got"] == "accepted" and looked.get(f"{record['key']} true", ["?"])
        ],
        "false_statement_afterwards": Counter(victim["got"] for victim in victims),
        "answered_by_an_earlier_program": sum(bool(victim["incidents"]) for victim in victims),
        "seconds": round(sum(one["seconds"] for one in [*records, *victims])),
    }


def _counts(records: list[Record]) -> Record:
    """How many there are, and who decided what."""
    decided = Counter(f"{record['by']}: {record['got']}" for record in records)
    return {"cases": len(records), **dict(decided.most_common())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    results = Results(parser.parse_args().results)
    settings = Settings(pool_size=1)
    guarded = find_toolchain(settings)
    unguarded, program = unguarded_toolchain(settings, load_settings().cache_dir / UNGUARDED)
    pool = UnguardedPool(unguarded, guarded, settings)
    judge = WatchingJudge(pool, settings)
    with contextlib.closing(LeanChecker(pool, settings, judge=judge)) as checker:
        for run in RUNS:
            put_all(results, checker, judge, program, run)
    with contextlib.closing(LeanChecker(LeanPool(guarded, settings), settings)) as checker:
        look_into(results, checker)
    found = summary(results)
    print(json.dumps(found, ensure_ascii=False))
    false = found["not_proved_by_us"] or "accepted" in found["false_statement_afterwards"]
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
