"""Whether one export proves what another one states.

The challenge states theorems, its proofs may be missing. The solution proves theorems of the same
names. Both are checked from nothing; then each statement, and every constant that it rests on,
has to be the same in both, and the proof may rest on allowed axioms alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .api import (
    ACCEPTED,
    DECLINED,
    EXPORT_STEPS,
    OUT_OF_BUDGET,
    REJECTED,
    Outcome,
    check_into,
    failure,
)
from .axioms import reach, uses
from .budget import Budget, run_deep
from .environment import Axiom, Constant, Definition, Environment, Theorem
from .errors import Declined, Refused
from .names import Name, show
from .standard import STANDARD, is_standard
from .store import Store
from .terms import constants_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome as a whole and for each theorem; `theorems` is empty where an export fails.

    `failed` says which export that is, `challenge` or `solution`.
    """

    outcome: Outcome
    theorems: tuple[tuple[Name, Outcome], ...] = ()
    failed: str = ""


def way_out(found: Comparison, outcome: Outcome) -> str:
    """What to do about an outcome of a comparison; empty where it is accepted."""
    if outcome.accepted:
        return ""
    if outcome.verdict == OUT_OF_BUDGET:
        return "allow more steps, or export less: only what the theorems rest on"
    if outcome.verdict == DECLINED:
        return "nothing is known of the proof; have another checker decide"
    if found.failed:
        return f"mend the declaration, and export the {found.failed} again with lean4export"
    return WAYS_OUT[outcome.rule]


WAYS_OUT = {
    "names": "name at least one theorem, each once",
    "challenge": "name theorems of the challenge, with their namespaces, and export them too",
    "solution": "prove it as a theorem of that very name, and export it too",
    "statement": "state it as the challenge does, universe parameters by name and order included",
    "closure": "leave what the statements rest on as it is, and import the same library",
    "axiom": "prove it without, or allow the axiom if it is the challenge's own or the library's",
}
"""By the rules of a comparison; those of the kernel are about one export alone."""


def compare(
    challenge: Iterable[str],
    solution: Iterable[str],
    theorems: Sequence[Name],
    allowed: Sequence[Name] = STANDARD,
    steps: int = EXPORT_STEPS,
) -> Comparison:
    """Compares two exports. `allowed` axioms have to be the challenge's own or the library's."""
    budget = Budget(steps)
    return run_deep(lambda: _compare(challenge, solution, theorems, allowed, budget))


def _compare(
    challenge: Iterable[str],
    solution: Iterable[str],
    theorems: Sequence[Name],
    allowed: Sequence[Name],
    budget: Budget,
) -> Comparison:
    store = Store(budget)  # one table of terms: what is the same is the same object
    stated, proved = Environment(store), Environment(store)
    for lines, env, what in ((challenge, stated, "challenge"), (solution, proved, "solution")):
        outcome = check_into(env, lines, budget)
        if not outcome.accepted:
            message = f"{what}: {outcome.message}"
            return Comparison(replace(outcome, message=message), failed=what)
    if not theorems or len(set(theorems)) != len(theorems):
        message = "a theorem is named twice" if theorems else "no theorem is named"
        return Comparison(Outcome(REJECTED, "names", message, budget.spent))
    found: list[tuple[Name, Outcome]] = []
    for n in theorems:
        try:
            axioms = _theorem(stated, proved, n, allowed)
            found.append((n, Outcome(ACCEPTED, steps=budget.spent, axioms=axioms)))
        except (Refused, Declined) as e:
            found.append((n, failure(e, budget)))
        except RecursionError:
            found.append((n, Outcome(OUT_OF_BUDGET, message="recursion", steps=budget.spent)))
    bad = next((o for _, o in found if not o.accepted), None)
    return Comparison(bad or Outcome(ACCEPTED, steps=budget.spent), tuple(found))


def _theorem(
    stated: Environment, proved: Environment, n: Name, allowed: Sequence[Name]
) -> tuple[Name, ...]:
    """The axioms that the proof rests on.

    Raises:
        Refused: the statements differ, or an axiom is not allowed.
    """
    goal, proof = stated.find(n), proved.find(n)
    if not isinstance(goal, Theorem | Axiom):
        raise Refused("challenge", f"{show(n)} is {kind(goal)} in the challenge, no theorem")
    if type(proof) is not Theorem:
        raise Refused("solution", f"{show(n)} is {kind(proof)} in the solution, no theorem")
    if goal.params != proof.params:
        given = [f"{{{', '.join(map(show, c.params))}}}" for c in (proof, goal)]
        what = f"universe parameters {given[0]} in the solution, {given[1]} in the challenge"
        raise Refused("statement", f"{show(n)} has {what}")
    if goal.type is not proof.type:
        raise Refused("statement", f"{show(n)} states something else in the solution")
    _same_closure(stated, proved, n, goal)
    reached = reach(proved, n)
    bad = [a for a in reached.axioms if a not in allowed or not _genuine(stated, proved, a)]
    if bad:
        paths = [reached.path_to(a) for a in bad]
        # The nearest says most. What stands for running code was reached by no constant.
        path = min(paths, key=lambda p: (len(p) == 1, len(p)))
        axiom = path[-1]
        why = "is not allowed"
        if axiom in allowed:
            why = "is neither the challenge's axiom of that name nor the library's"
        raise Refused("axiom", f"{show(axiom)} {why} ({' -> '.join(map(show, path))})")
    return reached.axioms


def _same_closure(stated: Environment, proved: Environment, n: Name, goal: Constant) -> None:
    """Constants that a statement rests on are the same in both environments."""
    todo = sorted(constants_of(goal.type), key=repr)
    seen = set(todo)
    while todo:
        used = todo.pop()
        ours, theirs = stated.find(used), proved.find(used)
        if ours is None:  # behind a literal, and not needed for it here
            continue
        if theirs is None or _meaning(ours) != _meaning(theirs):
            how = f"{kind(theirs)} that differs" if type(theirs) is type(ours) else kind(theirs)
            raise Refused("closure", f"{show(n)} rests on {show(used)}, in the solution {how}")
        # Of a proof that a statement mentions only the type counts.
        below = constants_of(ours.type) if isinstance(ours, Theorem) else uses(stated, ours)
        for other in below - seen:
            seen.add(other)
            todo.append(other)


def kind(c: Constant | None) -> str:
    """What a constant is, with its article."""
    if c is None:
        return "missing"
    word = type(c).__name__.lower()
    words = {"opaque": "opaque constant", "inductive": "inductive type"}
    return f"{'an' if word[0] in 'aeiou' else 'a'} {words.get(word, word)}"


def _meaning(c: Constant) -> tuple[object, ...]:
    """What has to agree. Terms of one table agree where they are one object."""
    if isinstance(c, Theorem):
        return (Theorem, c.params, c.type)
    return (type(c), replace(c, height=0) if isinstance(c, Definition) else c)


def _genuine(stated: Environment, proved: Environment, n: Name) -> bool:
    """Whether an axiom of the solution is the challenge's, or one of the library's by its type."""
    own = stated.find(n)
    if isinstance(own, Axiom):
        mine = proved.find(n)
        try:
            if mine is None or _meaning(mine) != _meaning(own):
                return False
            _same_closure(stated, proved, n, own)
        except Refused:
            return False
        return True
    return is_standard(proved, n)
