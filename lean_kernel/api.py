"""Questions to the kernel, and their answers."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .budget import DEFAULT_STEPS, Budget, run_deep
from .declarations import add_declaration, declared_name
from .environment import Environment
from .errors import Declined, NotShownEqual, OutOfBudget, Refused
from .names import show
from .ndjson import read_export
from .store import Store

ACCEPTED, REJECTED, NOT_SHOWN_EQUAL = "accepted", "rejected", "not_shown_equal"
DECLINED, OUT_OF_BUDGET = "declined", "out_of_budget"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a check.

    `verdict`: `accepted`; `rejected` (a rule is broken); `not_shown_equal`, `declined` and
    `out_of_budget` (undecided). `axioms`: names that the proof rests on, where accepted.
    """

    verdict: str
    rule: str = ""
    message: str = ""
    steps: int = 0
    declarations: int = 0
    axioms: tuple[str, ...] = field(default=())

    @property
    def accepted(self) -> bool:
        """Whether it was accepted."""
        return self.verdict == ACCEPTED

    @property
    def exit_code(self) -> int:
        """0 accepted, 1 rejected or not shown equal, 2 undecided otherwise."""
        codes = {ACCEPTED: 0, REJECTED: 1, NOT_SHOWN_EQUAL: 1}
        return codes.get(self.verdict, 2)


def failure(e: Refused | Declined, budget: Budget, declarations: int = 0) -> Outcome:
    """The outcome of a check that ended with an exception."""
    if isinstance(e, NotShownEqual):
        return Outcome(NOT_SHOWN_EQUAL, e.rule, e.message, budget.spent, declarations)
    if isinstance(e, Refused):
        return Outcome(REJECTED, e.rule, e.message, budget.spent, declarations)
    verdict = OUT_OF_BUDGET if isinstance(e, OutOfBudget) else DECLINED
    return Outcome(verdict, "", str(e), budget.spent, declarations)


def check_export(lines: Iterable[str], steps: int = DEFAULT_STEPS * 100) -> Outcome:
    """Every declaration of an export, re-checked from nothing. `steps` for the whole."""
    return check_export_with(lines, steps, frozenset())


def check_export_with(lines: Iterable[str], steps: int, off: frozenset[str]) -> Outcome:
    """`check_export` with rules switched off. Tests alone name any."""
    budget = Budget(steps)
    return run_deep(lambda: _check_export(lines, budget, off))


def _check_export(lines: Iterable[str], budget: Budget, off: frozenset[str]) -> Outcome:
    env = Environment(Store(budget), off=off)
    count = 0
    where = ""
    try:
        for declaration in read_export(lines, env.store):
            where = show(declared_name(declaration))
            add_declaration(env, declaration, budget)
            count += 1
    except (Refused, Declined) as e:
        outcome = failure(e, budget, count)
        message = f"{where}: {outcome.message}" if where else outcome.message
        return Outcome(outcome.verdict, outcome.rule, message, outcome.steps, count)
    except RecursionError:
        return Outcome(OUT_OF_BUDGET, "", "recursion", budget.spent, count)
    return Outcome(ACCEPTED, steps=budget.spent, declarations=count)
