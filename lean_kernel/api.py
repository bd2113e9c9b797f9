"""Questions to the kernel, and their answers."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .axioms import reach
from .budget import DEFAULT_STEPS, Budget, run_deep
from .declarations import add_declaration, declared_name
from .environment import Axiom, Environment
from .errors import Declined, NotShownEqual, OutOfBudget, Refused
from .library import Library
from .names import Name, show
from .ndjson import read_export
from .question import Question, ask
from .store import Store
from .tables import read_tables

EXPORT_STEPS = DEFAULT_STEPS * 100
"""Steps for a whole export where nothing else is said."""

ACCEPTED, REJECTED, NOT_SHOWN_EQUAL = "accepted", "rejected", "not_shown_equal"
DECLINED, OUT_OF_BUDGET = "declined", "out_of_budget"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a check.

    `verdict`: `accepted`; `rejected` (a rule is broken); `not_shown_equal`, `declined` and
    `out_of_budget` (undecided). Where accepted, `axioms` are those that the proof rests on, as far
    as bodies are there, and `hidden` counts constants of the library taken by their type alone.
    """

    verdict: str
    rule: str = ""
    message: str = ""
    steps: int = 0
    declarations: int = 0
    axioms: tuple[Name, ...] = field(default=())
    hidden: int = 0

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


def check_proof(
    library: Library, candidate: bytes, wanted: Name, statement: bytes | None, budget: Budget
) -> Outcome:
    """Whether `wanted` of the candidate's tables proves the statement (see `question.ask`)."""
    try:
        question = ask(candidate, wanted, statement, library)
    except (Refused, Declined) as e:
        return failure(e, budget)
    return check_question(library, question, budget)


def check_question(library: Library, question: Question, budget: Budget) -> Outcome:
    """Every declaration of a question, checked over the library.

    Whether the steps suffice does not depend on what was checked before.
    """
    while True:
        decoded = len(library.environment.own)
        outcome = _check_once(library.environment, question, budget)
        if outcome.verdict != OUT_OF_BUDGET or len(library.environment.own) == decoded:
            return outcome
        # The first use of a constant of the library may cost a few steps more than the next one.
        budget = Budget(budget.steps, budget.max_depth)


def _check_once(base: Environment, question: Question, budget: Budget) -> Outcome:
    return run_deep(lambda: _check_question(base, question, budget))


def _check_question(base: Environment, question: Question, budget: Budget) -> Outcome:
    store = Store(budget, base.store)
    env = base.child(store)
    count = 0
    try:
        for declaration in read_tables(question.tables, store):
            add_declaration(env, declaration, budget)
            count += 1
        reached = reach(env, question.asked)
    except (Refused, Declined) as e:
        return failure(e, budget, count)
    except RecursionError:
        return Outcome(OUT_OF_BUDGET, "", "recursion", budget.spent, count)
    return Outcome(
        ACCEPTED,
        steps=budget.spent,
        declarations=count,
        axioms=reached.axioms,
        hidden=reached.hidden,
    )


def check_export(lines: Iterable[str], steps: int = EXPORT_STEPS) -> Outcome:
    """Every declaration of an export, re-checked from nothing. `steps` for the whole."""
    return check_export_with(lines, steps, frozenset())


def check_export_with(lines: Iterable[str], steps: int, off: frozenset[str]) -> Outcome:
    """`check_export` with rules switched off. Tests alone name any."""
    budget = Budget(steps)
    return run_deep(lambda: _check_export(lines, budget, off))


def _check_export(lines: Iterable[str], budget: Budget, off: frozenset[str]) -> Outcome:
    return check_into(Environment(Store(budget), off=off), lines, budget)


def check_into(env: Environment, lines: Iterable[str], budget: Budget) -> Outcome:
    """Adds the declarations of an export to an environment, each after it was checked.

    `axioms` of the outcome are all that the export declares.
    """
    count = 0
    where = ""
    axioms: list[Name] = []
    try:
        for declaration in read_export(lines, env.store):
            where = show(declared_name(declaration))
            add_declaration(env, declaration, budget)
            count += 1
            if isinstance(declaration, Axiom):
                axioms.append(declaration.name)
    except (Refused, Declined) as e:
        outcome = failure(e, budget, count)
        message = f"{where}: {outcome.message}" if where else outcome.message
        return replace(outcome, message=message)
    except RecursionError:
        return Outcome(OUT_OF_BUDGET, "", "recursion", budget.spent, count)
    return Outcome(ACCEPTED, steps=budget.spent, declarations=count, axioms=tuple(axioms))
