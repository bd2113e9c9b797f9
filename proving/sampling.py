"""Whole-proof sampling: propose, judge, and repair with the checker's diagnostics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from aludel.errors import InvalidRequest
from aludel.models import (
    CheckRequest,
    Model,
    Rejected,
    RejectReason,
    Severity,
    Verdict,
    content_hash,
)
from aludel.problems import Problem
from aludel.protocols import Checker
from aludel.proving.generators import ProofGenerator, Proposals

_MAX_SAID = 2_000
_PAID: dict[str, object] = {
    "prompt_tokens": 0, "completion_tokens": 0, "price": 0.0, "wall_s": 0.0,
}  # fmt: skip


class Sample(Model):
    """One proof that was tried.

    Attributes:
        index: which sample of its problem.
        round: 0 for a first answer, then the number of repairs before it.
        text: what the generator wrote.
        calls: what it cost; of the samples of one call, the first carries it.
        check_s: seconds spent waiting for the verdict.
    """

    problem: str
    index: int
    round: int = 0
    text: str
    candidate: CheckRequest
    verdict: Verdict
    calls: Proposals
    check_s: float = 0.0


@runtime_checkable
class Repairer(Protocol):
    """A generator that can mend a refused proof."""

    def repair(self, problem: Problem, answer: str, diagnostics: str, seed: int) -> Proposals:
        """Propose one proof that avoids what was wrong with ``answer``."""
        ...


def sample_proofs(
    problem: Problem,
    generator: ProofGenerator,
    checker: Checker,
    count: int,
    *,
    seed: int = 0,
    repairs: int = 0,
) -> Iterator[Sample]:
    """Sample ``count`` proofs of a theorem and have each judged; yields them as they are.

    Args:
        problem: what to prove.
        generator: proposes the proofs.
        checker: judges them; one that remembers verdicts checks equal ones once.
        count: samples; a generator may know fewer.
        seed: of the samples.
        repairs: rounds in which a rejected proof is mended, for generators that can.

    Raises:
        InvalidRequest: the statement does not elaborate.
        BackendUnavailable: prover or generator failed.
    """
    index = 0
    for made in generator.proofs(problem, count, seed):
        calls = made
        for proposal in made.proposals[: count - index]:
            sample = _judged(problem, index, 0, proposal.text, checker, calls)
            yield sample
            yield from _mended(problem, generator, checker, sample, seed + index, repairs)
            index += 1
            calls = made.model_copy(update=_PAID)


def _mended(
    problem: Problem,
    generator: ProofGenerator,
    checker: Checker,
    sample: Sample,
    seed: int,
    repairs: int,
) -> Iterator[Sample]:
    for number in range(1, repairs + 1):
        if sample.verdict.kind != "rejected" or not isinstance(generator, Repairer):
            return
        made = generator.repair(problem, sample.text, said(sample.verdict), seed)
        if not made.proposals:
            return
        text = made.proposals[0].text
        sample = _judged(problem, sample.index, number, text, checker, made)
        yield sample


def judged(candidate: CheckRequest, checker: Checker) -> Verdict:
    """Return the verdict on what a generator wrote; a text that no prover is given is rejected.

    Raises:
        InvalidRequest: something else than the text is wrong, the statement for example.
        BackendUnavailable: the prover failed.
    """
    try:
        return checker.check(candidate)
    except InvalidRequest as error:
        if error.field != "code":
            raise
        return Rejected(
            hash=content_hash(checker.toolchain.digest, candidate),
            reason=RejectReason.PARSE,
            message=f"no candidate: {error.message}",
        )


def said(verdict: Verdict) -> str:
    """Return what a verdict says is wrong, with places, in at most 2,000 characters."""
    lines = [verdict.message] if verdict.message else []
    for diagnostic in verdict.diagnostics:
        if diagnostic.severity is Severity.ERROR:
            at = diagnostic.start
            place = f"{at.line}:{at.column}: " if at else ""
            lines.append(place + diagnostic.message)
    return "\n".join(lines)[:_MAX_SAID]


def outcomes(samples: Sequence[Sample]) -> tuple[int, int]:
    """Return how many samples of one problem there are, and how many ended accepted."""
    found: dict[int, bool] = {}
    for sample in samples:
        accepted = sample.verdict.kind == "accepted"
        found[sample.index] = found.get(sample.index, False) or accepted
    return len(found), sum(found.values())


def _judged(
    problem: Problem,
    index: int,
    number: int,
    text: str,
    checker: Checker,
    calls: Proposals,
) -> Sample:
    candidate = problem.candidate(text)
    begun = time.monotonic()
    verdict = judged(candidate, checker)
    return Sample(
        problem=problem.name,
        index=index,
        round=number,
        text=text,
        candidate=candidate,
        verdict=verdict,
        check_s=time.monotonic() - begun,
        calls=calls.model_copy(update={"proposals": ()}),
    )
