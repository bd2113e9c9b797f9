"""Lean in this process: check candidates, prove step by step, make new theorems.

    with Lean() as lean:
        verdict = lean.check("theorem t : 1 + 1 = 2 := rfl")
        assert verdict.kind == "accepted"

Nothing but the toolchain is needed (``aludel toolchain install``): no service, no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from aludel.auditing import LeanAuditor, audit
from aludel.audits import AUDIT_S, Audit, AuditRow, Duplicates
from aludel.disproofs import Disproof, DisproofRequest, disprove
from aludel.errors import InvalidRequest
from aludel.goals import Goal, GoalRequest, Step, Stepper
from aludel.in_process import InProcess, settings_with
from aludel.lean_checker.exported.prover import ExportedLean
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.prover import LeanProver
from aludel.lean_checker.prover import build_any as build_prover
from aludel.lemma_search import LemmaSearch, LemmasFound, search_of
from aludel.models import CheckRequest, LeanContext, Policy, Verdict
from aludel.mutation import MutationEngine, MutationPlan, Rule
from aludel.problems import TheoremProblem
from aludel.proving.lemmas import LemmaLibrary, open_library
from aludel.records import VariantRecord


class Lean(InProcess[LeanProver | ExportedLean]):
    """Lean in this process; use as a context manager. Safe to use from several threads.

    Processes start when they are needed. Settings that are not given come from the environment
    (``ALUDEL_TOOLCHAIN``, ``ALUDEL_PROJECT``, ``ALUDEL_POOL_SIZE`` and the others).

    Args:
        toolchain: name of an installed toolchain.
        project: folder of a Lake project that is built; its modules can be imported.
        processes: Lean processes at most.

    Raises:
        InvalidRequest: the project is not one, or is not built.
        NotFound: there is no such toolchain.
        ToolchainMissing: it is not installed, or is damaged; the message says what to do.
    """

    def __init__(
        self,
        *,
        toolchain: str | None = None,
        project: Path | str | None = None,
        processes: int | None = None,
    ) -> None:
        settings = settings_with(toolchain=toolchain, project=project, pool_size=processes)
        super().__init__(build_prover(settings))
        self._settings = settings

    @cached_property
    def _goals(self) -> LeanGoals:
        """Sessions of tactics; an error where the toolchain has none."""
        return self._prover.goals()

    @cached_property
    def _lemmas(self) -> LemmaLibrary:
        """Lists and indices of lemmas; an error where the toolchain has none."""
        return open_library(self._prover, self._settings)

    def check(
        self,
        request: CheckRequest | str,
        *,
        statement: str | None = None,
        forbidden: Sequence[str] = (),
    ) -> Verdict:
        """Judge one candidate; a text is Lean code, with its imports in its own header.

        Args:
            request: the candidate.
            statement: the header of the theorem that a text must prove.
            forbidden: constants that a text's proof may not use: names, globs, ``"self"`` for the
                asked theorem, ``"after:NAME"``.

        Raises:
            InvalidRequest: the request is wrong (an unknown import, a statement that is none).
            BackendUnavailable: the machine failed; says nothing about the candidate.
        """
        if isinstance(request, str):
            policy = Policy(forbidden=tuple(forbidden))
            request = CheckRequest(code=request, statement=statement, policy=policy)
        elif statement is not None or forbidden:
            field = "forbidden" if statement is None else "statement"
            raise InvalidRequest("it is part of the request", field=field)
        return super().check(request)

    def audit(self, statement: str, *, imports: Sequence[str] | None = None) -> Audit:
        """Look for what a statement has against it.

        Args:
            statement: ``theorem NAME …``; lines that end in ``in``, and an open end, may stand
                there.
            imports: the import set; by default that of its own header, or ``Init``.

        Raises:
            InvalidRequest: the text is no statement, or an import does not exist.
            BackendUnavailable: the machine failed.
        """
        return audit(self._prover.operations, statement, None if not imports else tuple(imports))

    def audit_many(
        self, problems: Sequence[TheoremProblem], *, wall_s: float = AUDIT_S
    ) -> list[AuditRow]:
        """Look for what statements have against them, in their order.

        Args:
            problems: the statements; what is none has an ``error`` in its row.
            wall_s: seconds that one statement may take.

        Raises:
            BackendUnavailable: the machine failed.
        """
        auditor = LeanAuditor(self._prover.operations, self._prover.size)
        duplicates = Duplicates()
        return [duplicates.mark(row) for row in auditor.audit(problems, wall_s=wall_s)]

    def disprove(self, request: DisproofRequest | str) -> Disproof:
        """Look for a proof of a statement's negation; a text is ``theorem NAME …``.

        Raises:
            InvalidRequest: the text is no statement, or does not elaborate.
            BackendUnavailable: the machine failed.
        """
        asked = DisproofRequest(statement=request) if isinstance(request, str) else request
        return disprove(asked, self.check)

    def open(
        self, statement: str, *, imports: Sequence[str] = ("Init",), preamble: str = ""
    ) -> LeanSession:
        """Start a proof by tactics, one after the other; use as a context manager.

        Args:
            statement: the header of a theorem, without its proof.
            imports: the import set.
            preamble: declarations and ``open`` commands before the statement.

        Raises:
            InvalidRequest: statement, preamble or imports do not elaborate.
            QueueFull: there are as many sessions as there may be.
            BackendUnavailable: the machine failed, or opening took too long.
        """
        context = LeanContext(imports=tuple(imports))
        request = GoalRequest(context=context, statement=statement, preamble=preamble)
        return LeanSession(self, request)

    def mutate(
        self,
        *patterns: str,
        statement: str | None = None,
        imports: Sequence[str] = ("Init",),
        rules: Sequence[Rule] = ("rw",),
        limit: int = 50,
        rounds: int = 1,
        seed: int = 0,
    ) -> Iterator[VariantRecord]:
        """Make new theorems from old ones; yield each variant when Lean has accepted it.

        Args:
            patterns: globs over names of theorems, for example ``"Nat.add_*"``.
            statement: text of a theorem of your own with its proof, to make some from.
            imports: import set whose theorems are rewritten, and with.
            rules: operations: ``rw``, ``apply``, ``forward``.
            limit: accepted variants after which it ends.
            rounds: how often variants are rewritten again, the first round included.
            seed: decides the order; equal seeds give equal variants.

        Raises:
            InvalidRequest: a pattern or import does not exist, a value does not fit, or the
                statement is not proved.
            BackendUnavailable: the machine failed.
        """
        try:
            plan = MutationPlan(
                patterns=patterns,
                statement=statement,
                imports=tuple(imports),
                rules=tuple(rules),
                limit=limit,
                rounds=rounds,
                seed=seed,
            )
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else "patterns"
            message = first["msg"].removeprefix("Value error, ")
            raise InvalidRequest(message, field=field) from error
        return self.mutate_as(plan)

    def search(
        self,
        text: str = "",
        *,
        pattern: str = "",
        name: str = "",
        words: str = "",
        proves: str = "",
        imports: Sequence[str] = ("Init",),
        count: int = 10,
        wall_s: float = 30.0,
    ) -> LemmasFound:
        """Find lemmas that meet every criterion given, the best first.

        Args:
            text: a statement or goal; the lemmas share symbols with it.
            pattern: a term with holes that stands in them: ``"_ + _ = _ + _"``; after ``⊢`` it is
                the whole conclusion.
            name: a part of their names, or a glob.
            words: English words in their names or docstrings.
            proves: a statement, goal or proposition that their conclusions may prove.
            imports: the import set.
            count: lemmas at most.
            wall_s: seconds that it may take, once the index of the imports is made.

        Raises:
            InvalidRequest: there is no criterion, a pattern or goal does not elaborate, or an
                import does not exist.
            BackendUnavailable: the machine failed.
        """
        asked = search_of(
            text=text,
            pattern=pattern,
            name=name,
            words=words,
            proves=proves,
            imports=tuple(imports),
            count=count,
            wall_s=wall_s,
        )
        return self.search_as(asked)

    def search_as(self, asked: LemmaSearch) -> LemmasFound:
        """Find lemmas as a question says; raises as :meth:`search`."""
        return self._lemmas.search(asked)

    def mutate_as(self, plan: MutationPlan) -> Iterator[VariantRecord]:
        """Make new theorems as a plan says, which has every option; raises as :meth:`mutate`."""
        engine = MutationEngine(self._prover.operations, self._prover, self._prover.size)
        return (variant for outcome in engine.run(plan) for variant in outcome.variants)


class LeanSession(Stepper):
    """A proof by tactics; closed at the end of its ``with`` block.

    ``undo``, ``go``, ``try_each`` and ``restart`` are those of :class:`aludel.goals.Stepper`.
    """

    def __init__(self, lean: Lean, request: GoalRequest) -> None:
        super().__init__(lean._goals, request)
        self._lean = lean

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goals that are left; none is no verdict yet, see :meth:`check`."""
        return self.current.goals

    @property
    def script(self) -> str:
        """The text of the proof so far, a candidate."""
        return self.candidate().code

    def step(self, tactic: str) -> Step:
        """Run a tactic: what it made becomes current, or ``error`` says why it failed.

        Raises:
            SessionEnded: the session is over; ``fix`` says how to replay it.
            InvalidRequest: no states are left, or the tactic is too long.
        """
        return self.run(tactic)

    def check(self) -> Verdict:
        """Judge the script as any candidate; raises as :meth:`Lean.check`."""
        return self._lean.check(self.candidate())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


__all__ = ["Lean", "LeanSession"]
