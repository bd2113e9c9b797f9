"""Judging the statements of one target: filter, check, screen.

Cheap filters come first. Lean then judges every statement as it judges any candidate, and only what
it accepted is screened, because a screening costs more than a check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from aludel.lean_checker.avoided import AvoidedStatements
from aludel.lean_checker.operations import (
    Mutant,
    MutantSource,
    MutationResult,
    MutationTask,
    Screening,
    ScreenItem,
    ScreenTask,
)
from aludel.lean_checker.process import ProcessDied
from aludel.models import Accepted, Budget, CheckRequest, LeanContext, Rejected, Undecided, Verdict
from aludel.mutation.naming import variant_name
from aludel.mutation.outcome import RefusedVariant, TargetOutcome
from aludel.mutation.plan import Filter, MutationPlan
from aludel.mutation.report import MutationReport
from aludel.mutation.targets import Target
from aludel.protocols import Checker, Exhausted
from aludel.records import VariantFacts, VariantRecord
from aludel.statements import with_proof

TARGET_WALL_S = 120.0
NOT_SCREENED = "not_screened"
_SCREENED: tuple[Filter, ...] = ("unchanged", "trivial", "vacuous", "unused_hypothesis")


@dataclass(frozen=True)
class Candidate:
    """A mutant as a candidate: its name, and the request that judges it."""

    mutant: Mutant
    name: str
    request: CheckRequest

    @property
    def statement(self) -> str:
        """The header of its declaration."""
        return f"theorem {self.name}{self.mutant.header}"


def candidate_of(plan: MutationPlan, target: Target, mutant: Mutant) -> Candidate:
    """Return the candidate: the asked statement, and the text, its ancestors first."""
    name = variant_name(target.name, mutant)
    statement = f"theorem {name}{mutant.header}"
    request = CheckRequest(
        context=LeanContext(imports=plan.imports),
        statement=statement,
        code=target.preamble + with_proof(statement, mutant.proof),
        budget=Budget(wall_s=TARGET_WALL_S),
    )
    return Candidate(mutant, name, request)


@dataclass(frozen=True)
class Judge:
    """Judges the statements of one target; safe to use from several threads.

    Attributes:
        source: screens.
        checker: decides.
        plan: says which filters apply.
        avoided: the evaluation sets.
    """

    source: MutantSource
    checker: Checker
    plan: MutationPlan
    avoided: AvoidedStatements = field(default_factory=AvoidedStatements)

    def judge(
        self, target: Target, round_number: int, task: MutationTask, result: MutationResult
    ) -> TargetOutcome:
        """Return what became of the mutants of ``target``.

        Args:
            target: the theorem.
            round_number: 1 for theorems of the library.
            task: what was asked of the source.
            result: what it answered.

        Raises:
            BackendUnavailable: the machine failed.
        """
        report = _construction(result)
        report.targets_in[target.namespace] += 1
        outcome = TargetOutcome(
            target=target.name, round=round_number, namespace=target.namespace, report=report
        )
        proved: list[tuple[Candidate, Accepted]] = []
        for candidate in self._unfiltered(target, result.mutants, report):
            accepted = self._prove(candidate, target, task, outcome)
            if accepted is not None:
                proved.append(accepted)
        share = (result.usage.cpu_s or 0.0) / max(1, len(result.mutants))
        for candidate, verdict, found in self._worth_keeping(target, proved, report):
            record = self._record(target, round_number, candidate, verdict, share)
            known = record.model_copy(update={"facts": facts_of(record, found)})
            outcome.variants.append(known)
        return outcome

    def _unfiltered(
        self, target: Target, mutants: Sequence[Mutant], report: MutationReport
    ) -> list[Candidate]:
        kept: list[Candidate] = []
        seen: set[str] = set()
        for mutant in mutants:
            candidate = candidate_of(self.plan, target, mutant)
            figures = report.of(mutant.rule)
            figures.constructed += 1
            reason = self._cheap_reason(candidate, seen)
            if reason is None:
                seen.add(shape_of(mutant))
                kept.append(candidate)
            else:
                figures.filtered[reason] += 1
        return kept

    def _cheap_reason(self, candidate: Candidate, seen: set[str]) -> Filter | None:
        shape = shape_of(candidate.mutant)
        found: dict[Filter, bool] = {
            "duplicate": shape in seen,
            "too_large": len(candidate.statement) > self.plan.max_statement,
            "overlap": self.avoided.has(candidate.statement, candidate.mutant.shape_hash),
        }
        return next((name for name in self.plan.filters if found.get(name)), None)

    def _prove(
        self, candidate: Candidate, target: Target, task: MutationTask, outcome: TargetOutcome
    ) -> tuple[Candidate, Accepted] | None:
        """The candidate as Lean accepts it: with its script, or with a term where that fails."""
        figures = outcome.report.of(candidate.mutant.rule)
        figures.checked += 1
        verdict = self._check(candidate, outcome.report)
        if isinstance(verdict, Rejected):
            other = self._with_term(candidate, target, task, outcome.report)
            second = None if other is None else self._check(other, outcome.report)
            if other is not None and isinstance(second, Accepted):
                figures.by_term += 1
                candidate, verdict = other, second
        if isinstance(verdict, Accepted):
            figures.proved += 1
            return candidate, verdict
        reasons = figures.rejected if isinstance(verdict, Rejected) else figures.undecided
        reasons[verdict.reason.value] += 1
        outcome.refused.append(_refused(candidate, verdict))
        return None

    def _check(self, candidate: Candidate, report: MutationReport) -> Verdict:
        verdict = self.checker.check(candidate.request)
        report.costs.checking_s += verdict.usage.cpu_s or 0.0
        return verdict

    def _with_term(
        self, candidate: Candidate, target: Target, task: MutationTask, report: MutationReport
    ) -> Candidate | None:
        """The same statement with its proof as a term; None when it cannot be made again."""
        mutant = candidate.mutant
        again = replace(task, lemmas=(mutant.lemma,), rules=(mutant.rule,), proofs="term")
        try:
            result = self.source.mutate(again)
        except ProcessDied as death:
            report.costs.construction_s += death.usage.cpu_s or 0.0
            return None
        report.costs.construction_s += result.usage.cpu_s or 0.0
        if isinstance(result, Exhausted):
            return None
        same = (one for one in result.mutants if one.term_hash == mutant.term_hash)
        found = next(same, None)
        return None if found is None else candidate_of(self.plan, target, found)

    def _worth_keeping(
        self, target: Target, proved: list[tuple[Candidate, Accepted]], report: MutationReport
    ) -> list[tuple[Candidate, Accepted, Screening | None]]:
        """The candidates that no filter leaves out, with what was found where it was searched."""
        if not proved or not set(self.plan.filters) & set(_SCREENED):
            return [(candidate, verdict, None) for candidate, verdict in proved]
        items = tuple(
            ScreenItem(candidate.statement, candidate.name, candidate.mutant.proof)
            for candidate, _ in proved
        )
        task = ScreenTask(
            items,
            self.plan.imports,
            target=target.name,
            preamble=target.preamble,
            budget=self.plan.screen_budget,
            wall_s=TARGET_WALL_S,
        )
        kept = []
        for (candidate, verdict), found in zip(
            proved, screened(self.source, task, report), strict=True
        ):
            reason = self._screened_reason(found)
            if reason is not None:
                report.of(candidate.mutant.rule).filtered[reason] += 1
                continue
            report.unsearched.update(found.exhausted if found else ())
            kept.append((candidate, verdict, found))
        return kept

    def _screened_reason(self, found: Screening | None) -> str | None:
        if found is None:
            return NOT_SCREENED
        return next((name for name in reasons_of(found) if name in self.plan.filters), None)

    def _record(
        self,
        target: Target,
        round_number: int,
        candidate: Candidate,
        verdict: Accepted,
        construction_cpu_s: float,
    ) -> VariantRecord:
        mutant = candidate.mutant
        cpu_s = (verdict.usage.cpu_s or 0.0) + construction_cpu_s
        return VariantRecord(
            name=candidate.name,
            statement=candidate.statement,
            proof=mutant.proof,
            rule=mutant.rule,
            lemma=mutant.lemma,
            direction=mutant.direction,
            position=mutant.position,
            hypothesis=mutant.hypothesis,
            parents=(target.name, mutant.lemma),
            round=round_number,
            imports=self.plan.imports,
            toolchain_digest=self.checker.toolchain.digest,
            verdict_hash=verdict.hash,
            term_hash=mutant.term_hash,
            shape_hash=mutant.shape_hash,
            preamble=target.preamble,
            usage=verdict.usage.model_copy(update={"cpu_s": cpu_s}),
        )


def screened(
    source: MutantSource, task: ScreenTask, report: MutationReport
) -> list[Screening | None]:
    """Screen all statements at once, and one by one when they exhaust the prover together.

    None stands for a statement that could not be screened; costs are added to ``report``.

    Raises:
        BackendUnavailable: the machine failed.
    """
    try:
        result = source.screen(task)
    except ProcessDied as death:
        if death.defective:
            raise
        report.costs.screening_s += death.usage.cpu_s or 0.0
        return _one_by_one(source, task, report)
    report.costs.screening_s += result.usage.cpu_s or 0.0
    if isinstance(result, Exhausted):
        return _one_by_one(source, task, report)
    return [found if found.error is None else None for found in result.screenings]


def _one_by_one(
    source: MutantSource, task: ScreenTask, report: MutationReport
) -> list[Screening | None]:
    if len(task.items) <= 1:
        return [None for _ in task.items]
    parts = [replace(task, items=(item,)) for item in task.items]
    return [found for part in parts for found in screened(source, part, report)]


def facts_of(record: VariantRecord, found: Screening | None) -> VariantFacts:
    """Return what is known of a variant: of its record, and by a search where there was one."""
    plain = VariantFacts(proof_lines=record.proof.count("\n") + 1)
    if found is None:
        return plain
    return plain.model_copy(
        update={
            "trivial": found.trivial or "",
            "vacuous": found.vacuous or "",
            "unused_hypotheses": len(found.unused),
        }
    )


def reasons_of(found: Screening) -> list[Filter]:
    """Return the filters for which a screened statement is left out."""
    reasons: dict[Filter, object] = {
        "unchanged": found.unchanged,
        "trivial": found.trivial,
        "vacuous": found.vacuous,
        "unused_hypothesis": found.unused,
    }
    return [name for name in _SCREENED if reasons[name]]


def shape_of(mutant: Mutant | VariantRecord) -> str:
    """Return the hash by which statements count as duplicates."""
    return mutant.shape_hash or mutant.term_hash


def _construction(result: MutationResult) -> MutationReport:
    tally = result.tally
    report = MutationReport(
        targets=1,
        complete=int(tally.complete),
        retrieved=tally.retrieved,
        attempted=tally.attempted,
    )
    report.costs.construction_s = result.usage.cpu_s or 0.0
    report.dropped.update({reason: n for reason, n in tally.dropped.items() if n})
    return report


def _refused(candidate: Candidate, verdict: Rejected | Undecided) -> RefusedVariant:
    errors = [d.message for d in verdict.diagnostics if d.severity == "error"]
    return RefusedVariant(
        name=candidate.name,
        rule=candidate.mutant.rule,
        lemma=candidate.mutant.lemma,
        code=candidate.request.code,
        kind=verdict.kind,
        reason=verdict.reason.value,
        message=errors[0] if errors else verdict.message,
    )


__all__ = [
    "NOT_SCREENED",
    "TARGET_WALL_S",
    "Candidate",
    "Judge",
    "candidate_of",
    "facts_of",
    "reasons_of",
    "screened",
    "shape_of",
]
