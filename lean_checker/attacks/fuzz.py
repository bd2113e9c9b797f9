"""Combinations of corpus cases: mechanisms that are refused alone must be refused together.

A combination takes the statement and the text of one case that must not be accepted, and puts
before its theorem what other cases declare before theirs, as it stands or inside a namespace,
renamed, with honest text around it. No such text can mend what is wrong with the case, so every
outcome but ``accepted`` is right. One in five combinations is honest instead: an honest case with
honest text around it, which must be accepted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from aludel.lean_checker.attacks.corpus import ACCEPTED, INVALID, Case, Family
from aludel.models import RejectReason, UndecidedReason

HONEST_SHARE = 5
REFUSED = (*(reason.value for reason in (*RejectReason, *UndecidedReason)), f"{INVALID}*")
_THEOREM = re.compile(r"^(?:theorem|def|axiom|example) (?:t\b|:)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:private )?(?:axiom|def|theorem|abbrev|opaque) ([a-z][\w']*)", re.M)
_PLAIN = re.compile(r"^(?:import|module|#exit|end|namespace|section)\b|/-|\ufeff", re.MULTILINE)
# Text that changes nothing about what follows it.
_HARMLESS = (
    "-- theorem t : 1 = 2 := rfl\n",
    "/- a comment /- in a comment -/ -/\n",
    "/-! sorry -/\n",
    "set_option pp.all true\n",
    "set_option maxRecDepth 1000\n",
    "theorem aside_fuzz : True := trivial\n",
    "def aside_number : Nat := 3\n",
    "open Nat in\nexample : succ 1 = 2 := rfl\n",
    "section\nvariable (aside : Nat)\nend\n",
    'local notation "aside_word" => 1\n',
    'macro "aside_tactic" : tactic => `(tactic| rfl)\n',
    "universe aside_u\n",
    "#check Nat\n",
)


def combinations(families: list[Family], count: int, seed: int) -> Iterator[Case]:
    """Yield ``count`` combinations; equal arguments give equal combinations."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
    cases = [case for family in families for case in family.cases if _combines(case)]
    attacks = [case for case in cases if not case.honest]
    honest = [case for case in cases if case.honest and case.policy.allow_helpers]
    preambles = [text for case in attacks if (text := _preamble(case.code))]
    if not (attacks and honest and preambles):
        return
    for number in range(count):
        if number % HONEST_SHARE == HONEST_SHARE - 1:
            yield _honest(rng, rng.choice(honest), number)
        else:
            yield _attack(rng, rng.choice(attacks), preambles, number)


def _combines(case: Case) -> bool:
    """Whether a case has the import set and the size of all others, and asks for something."""
    limits = {reason.value for reason in UndecidedReason}
    return (
        case.imports is None
        and not case.options
        and not limits.intersection(case.expect)
        and not any(one.startswith(INVALID) for one in case.expect)
        and not _PLAIN.search(case.code.split("theorem", 1)[0])
    )


def _preamble(code: str) -> str:
    """Return what stands before the theorem, or nothing where that is no whole text."""
    found = _THEOREM.search(code)
    text = code[: found.start()] if found else ""
    return "" if _PLAIN.search(text) else text


def _attack(rng: random.Random, case: Case, preambles: list[str], number: int) -> Case:
    extra = [_varied(rng, rng.choice(preambles), index) for index in range(rng.randint(1, 3))]
    parts = [*extra, *rng.choices(_HARMLESS, k=rng.randint(0, 2))]
    rng.shuffle(parts)
    own = _preamble(case.code)
    code = own + "".join(parts) + case.code[len(own) :]
    return case.model_copy(
        update={"name": f"{number}: {case.name}", "code": code, "expect": REFUSED}
    )


def _honest(rng: random.Random, case: Case, number: int) -> Case:
    parts = rng.sample(_HARMLESS, k=rng.randint(1, 4))
    code = "".join(parts) + case.code
    if rng.random() < 0.3:
        code = code.replace("\r\n", "\n").replace("\n", "\r\n")
    return case.model_copy(
        update={"name": f"{number}: {case.name}", "code": code, "expect": (ACCEPTED,)}
    )


def _varied(rng: random.Random, text: str, index: int) -> str:
    """Rename what ``text`` declares, and sometimes put it into a namespace that is then opened."""
    for name in set(_DECLARED.findall(text)):
        text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w'])", f"{name}_{index}", text)
    if rng.random() < 0.4:
        return f"namespace Fuzz{index}\n{text}end Fuzz{index}\nopen Fuzz{index}\n"
    return text
