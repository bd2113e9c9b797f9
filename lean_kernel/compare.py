"""Whether one export proves what another one states.

The challenge states theorems, its proofs may be missing. The solution proves theorems of the same
names. Both are checked from nothing; then each statement, and every constant that it rests on,
has to be the same in both, and the proof may rest on allowed axioms alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .api import ACCEPTED, EXPORT_STEPS, OUT_OF_BUDGET, REJECTED, Outcome, check_into, failure
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
    """The outcome as a whole and for each theorem; `theorems` is empty where an export fails."""

    outcome: Outcome
    theorems: tuple[tuple[Name, Outcome], ...] = ()


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
            return Comparison(replace(outcome, message=f"{what}: {outcome.message}"))
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
    if not theorems:
        bad = Outcome(REJECTED, "compare", "no theorem is named")
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
        raise Refused("challenge", f"{show(n)} is no theorem of the challenge")
    if type(proof) is not Theorem:
        raise Refused("solution", f"{show(n)} is no theorem of the solution")
    if goal.type is not proof.type or goal.params != proof.params:
        raise Refused("statement", f"{show(n)} states something else in the solution")
    _same_closure(stated, proved, n, goal)
    reached = reach(proved, n)
    for axiom in reached.axioms:
        if axiom not in allowed or not _genuine(stated, proved, axiom):
            path = " -> ".join(show(x) for x in reached.path_to(axiom))
            raise Refused("axiom", f"{show(axiom)} is not allowed ({path})")
    return reached.axioms


def _same_closure(stated: Environment, proved: Environment, n: Name, goal: Constant) -> None:
    """Constants that a statement rests on are the same in both environments."""
    todo = sorted(constants_of(goal.type), key=repr)
    seen = set(todo)
    while todo:
        used = todo.pop()
        ours, theirs = stated.get(used), proved.find(used)
        if theirs is None or _meaning(ours) != _meaning(theirs):
            raise Refused("closure", f"{show(n)} rests on {show(used)}, which differs")
        for other in uses(stated, _without_proof(ours)):
            if other not in seen:
                seen.add(other)
                todo.append(other)


def _without_proof(c: Constant) -> Constant:
    """A theorem as its statement: of a proof that a statement mentions only the type counts."""
    return Axiom(c.name, c.params, c.type) if isinstance(c, Theorem) else c


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
