"""Records of the store: verdicts, library theorems and accepted variants."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from aludel import html
from aludel.models import CheckRequest, Model, Usage, Verdict
from aludel.statements import with_proof


class Result(Model):
    """A recorded verdict with what it is about.

    ``request`` leaves out what the hash leaves out: ``budget`` and ``metadata`` are the defaults.
    One that was taken back carries the time, and no service shows it.
    """

    hash: str
    verdict: Verdict
    request: CheckRequest
    toolchain_digest: str
    created_at: datetime
    taken_back_at: datetime | None = None


class TheoremRecord(Model):
    """A theorem of an import set, as the prover prints it.

    Attributes:
        name: fully qualified name.
        module: module that declares it.
        statement: printed type.
    """

    name: str
    module: str
    statement: str


class VariantFacts(Model):
    """Properties of a variant that were looked for when it was made.

    Each field is stored, exported as a column of the recipe ``variants`` and described there by
    itself; None, or the default, stands in records that are older than the field.
    """

    trivial: str | None = Field(
        default=None,
        description="Tactic that closes it at once, empty if none was found; null: not searched.",
    )
    vacuous: str | None = Field(
        default=None,
        description="Tactic that derives a contradiction from its hypotheses, likewise.",
    )
    unused_hypotheses: int | None = Field(
        default=None, description="Hypotheses that its conclusion and proof do not need, likewise."
    )
    proof_lines: int | None = Field(default=None, description="Lines of its proof.")


class VariantRecord(Model):
    """A new theorem made by rewriting, with what made it and what accepted it.

    Attributes:
        name: the variant's own name; unique within a corpus.
        statement: ``theorem NAME BINDERS : TYPE``, the header of a declaration.
        proof: what follows ``:=``.
        rule: the operation that made it: ``rw``, ``apply`` (a hypothesis replaced by what implies
            it) or ``forward`` (what the conclusion implies).
        lemma: the lemma that was rewritten with or applied.
        direction: ``forward`` (left to right) or ``backward``, where the rule has one.
        position: the conclusion (``goal``) or a ``hypothesis``.
        hypothesis: name of the replaced hypothesis, if one.
        parents: names of the target (first) and the lemma.
        round: 1 for variants of library theorems, 2 for variants of those, and so on.
        imports: import set under which it was accepted.
        toolchain_digest: toolchain that accepted it.
        verdict_hash: key of the recorded verdict.
        term_hash: hash of the statement's term, names of binders left out.
        shape_hash: the same for any order of the hypotheses; empty where it was not computed.
        preamble: declarations that the candidate begins with: the variant's ancestors, or the
            statement of the user that it was made from.
        facts: what is known of it besides.
        usage: cost of building and checking.
    """

    name: str
    statement: str
    proof: str
    rule: Literal["rw", "apply", "forward"]
    lemma: str
    direction: Literal["forward", "backward"] | None = None
    position: Literal["goal", "hypothesis"]
    hypothesis: str | None = None
    parents: tuple[str, ...]
    round: int = Field(default=1, ge=1)
    imports: tuple[str, ...]
    toolchain_digest: str
    verdict_hash: str
    term_hash: str
    shape_hash: str = ""
    preamble: str = ""
    facts: VariantFacts = Field(default_factory=VariantFacts)
    usage: Usage = Field(default_factory=Usage)

    @property
    def code(self) -> str:
        """The candidate's whole text, as it was checked."""
        return self.preamble + with_proof(self.statement, self.proof)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        origin = " and ".join(self.parents)
        return html.heading("variant", self.name, self.rule, f"from {origin}") + html.pre(self.code)
