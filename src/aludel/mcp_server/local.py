"""The tools on a Lean of this process, which starts in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from aludel.auditing import audit
from aludel.audits import Audit
from aludel.candidates import judged
from aludel.deadline import Deadline
from aludel.disproofs import Disproof, DisproofRequest, disprove
from aludel.errors import AludelError
from aludel.jobs import MutationRequest
from aludel.lemma_search import LemmaSearch, LemmasFound
from aludel.models import CheckRequest, Verdict
from aludel.mutation import MutationEngine
from aludel.mutation.plan import plan_of
from aludel.provers import AnyProver
from aludel.proving.lemmas import open_library
from aludel.receipts import Receipt, issue
from aludel.records import VariantRecord
from aludel.settings import Settings
from aludel.vouching import ensure_confirmed


class LocalBackend:
    """A :class:`~aludel.mcp_server.backend.Backend` of a prover; its own ``library`` as well.

    Args:
        prover: closed with this.
        settings: say where statements of lemmas are kept.
        tell: is told when Lean has started, and when that failed.
    """

    def __init__(
        self, prover: AnyProver, settings: Settings, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._prover = prover
        self._tell = tell
        self._lemmas = open_library(prover, settings)
        self.goals = prover.goals()

    @property
    def library(self) -> LocalBackend:
        """This itself, which has a Lean."""
        return self

    def warm_up(self) -> None:
        """Begin to start Lean; what is asked meanwhile waits for the processes that it needs."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def check(self, request: CheckRequest) -> Verdict:
        """Judge a candidate; see :meth:`aludel.mcp_server.backend.Backend.check`."""
        return judged(self._prover, request)

    def disprove(self, request: DisproofRequest) -> Disproof:
        """Look for a proof of a negation; see :func:`aludel.disproofs.disprove`."""
        return disprove(request, self.check)

    def receipt(self, request: CheckRequest) -> Receipt:
        """Judge a candidate and write a receipt, without a signature."""
        verdict = self.check(request)
        ensure_confirmed(verdict)
        return issue(self._prover.toolchain, request, verdict)

    def search(self, asked: LemmaSearch) -> LemmasFound:
        """Return lemmas that meet every criterion; the first search is slow."""
        return self._lemmas.search(asked)

    def mutate(self, request: MutationRequest, seconds: float) -> Iterator[VariantRecord]:
        """Yield accepted variants; each was judged like any candidate."""
        plan, deadline = plan_of(request), Deadline.after(seconds)
        engine = MutationEngine(
            self._prover.operations, self._prover, self._prover.size, lambda: deadline.passed
        )
        return (variant for outcome in engine.run(plan) for variant in outcome.variants)

    def audit(self, statement: str, imports: tuple[str, ...] | None, seconds: float) -> Audit:
        """Look for what a statement has against it; see :func:`aludel.auditing.audit`."""
        return audit(self._prover.operations, statement, imports, wall_s=seconds)

    def close(self) -> None:
        """End every process; safe to call twice."""
        self._prover.close()

    def _warm_up(self) -> None:
        begun = time.monotonic()
        try:
            self._prover.warm_up()
        except AludelError as error:  # the tool that needs it says so, too
            self._tell(f"Lean did not start: {error}")
        else:
            self._tell(f"Lean is ready after {time.monotonic() - begun:.1f} s")
