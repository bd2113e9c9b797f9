"""Lemmas of an import set as the Lean server finds, prints and lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ValidationError

from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.goals import GoalRequest
from aludel.lean_checker.answers import parse_answer
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.intake import validate_goals, validate_imports
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.operations import INDEX_S, LIST_S, collect
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import ProcessDied
from aludel.lemma_search import FoundLemma, LemmaMatch, LemmasFound, ListedLemma, first_sentence
from aludel.models import Model, Toolchain

_OWN_END = 0.9
"""The share of its time after which a search ends itself: its answer so far is an answer."""
_HEARTBEATS_PER_S = 100_000
_RAN_OUT = "the budget ran out, so there may be others; ask for more time or a narrower pattern"


class _Item(Model):
    name: str
    module: str
    type: str | None = None
    doc: str | None = None
    place: Literal["conclusion", "hypothesis"] | None = None
    left: tuple[str, ...] | None = None

    @property
    def sentence(self) -> str | None:
        return first_sentence(self.doc) if self.doc else None

    def found(self) -> FoundLemma:
        return FoundLemma(
            name=self.name,
            module=self.module or None,
            statement=self.type or "",
            doc=self.sentence,
            place=self.place,
            premises_left=self.left,
        )


class _End(Model):
    found: int
    tried: int
    complete: bool
    lemmas: int


class LeanLemmas:
    """An `aludel.lemma_search.LemmaSource` on the processes of a pool. Thread-safe."""

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain whose server answers."""
        return self._pool.toolchain

    def listing(self, imports: tuple[str, ...]) -> list[ListedLemma]:
        """Return every theorem of an import set that a person could name.

        Raises:
            InvalidRequest: an import does not exist.
            BackendUnavailable: the machine failed.
        """
        items, _ = self._unlimited({"list": True}, imports)
        return [ListedLemma(item.name, item.module, item.doc) for item in items]

    def printed(self, imports: tuple[str, ...], names: Sequence[str]) -> list[FoundLemma]:
        """Return theorems with their statements; unknown ones are left out.

        Raises as :meth:`listing`.
        """
        if not names:
            return []
        items, _ = self._unlimited({"names": list(names)}, imports)
        return [item.found() for item in items]

    def match(self, asked: LemmaMatch) -> LemmasFound:
        """Return lemmas by a pattern or for a goal; what is found when time is up is the answer.

        Raises:
            InvalidRequest: an import does not exist, or a pattern or goal is none.
            BackendUnavailable: the machine failed.
        """
        _ensure_possible(asked)
        try:
            items, end = self._ask(_body(asked), asked.imports, asked.wall_s, bool(asked.goal))
        except LimitReached as reached:
            return LemmasFound(lemmas=(), complete=False, message=reached.message)
        except ProcessDied as death:  # by the pattern or goal, for all that is known
            if death.defective:
                raise
            return LemmasFound(lemmas=(), complete=False, message=death.message)
        except InvalidRequest as error:
            raise _of_the_search(error) from error
        message = None if end.complete else _RAN_OUT
        lemmas = tuple(item.found() for item in items)
        return LemmasFound(lemmas=lemmas, complete=end.complete, message=message)

    def _unlimited(
        self, body: dict[str, Any], imports: tuple[str, ...]
    ) -> tuple[list[_Item], _End]:
        try:
            return self._ask(body, imports, LIST_S)
        except LimitReached as reached:  # by no candidate: the machine is too slow or too small
            message = f"the lemmas were not listed: {reached.message}"
            raise BackendUnavailable(message) from reached

    def _ask(
        self, body: dict[str, Any], imports: tuple[str, ...], wall_s: float, goals: bool = False
    ) -> tuple[list[_Item], _End]:
        """Search. The index is made before the clock of the search starts."""
        validate_imports(imports)
        asked = {"imports": list(imports), **body}
        with self._pool.lease(imports, Deadline.after(QUEUE_S)) as process:
            chosen = import_set(imports)
            process.index(chosen, Deadline.after(INDEX_S), op="search", of="goals" if goals else "")
            items, reply = collect(process.ask_stream, "search", asked, Deadline.after(wall_s))
        return [parse_answer(_Item, item) for item in items], parse_answer(_End, reply.result)


def _ensure_possible(asked: LemmaMatch) -> None:
    """Refuse texts that no server needs to see, as those of statements are.

    Raises:
        InvalidRequest: one is too long, too deep, or holds what is no text.
    """
    for field, text in (("pattern", asked.pattern), ("proves", asked.goal)):
        if text:
            try:
                validate_goals(GoalRequest(statement=text))
            except ValidationError as error:
                raise InvalidRequest("too long", field=field, fix="shorten it") from error
            except InvalidRequest as error:
                raise InvalidRequest(error.message, field=field, fix="shorten it") from error


def _of_the_search(error: InvalidRequest) -> InvalidRequest:
    """The same in the caller's words."""
    if error.field == "goal":
        return InvalidRequest(
            error.message, field="proves", fix="give a statement, a proposition or a printed goal"
        )
    if error.field == "pattern":
        return InvalidRequest(
            error.message,
            field="pattern",
            fix="write a term with holes, for example `_ + _ = _ + _` or `⊢ List.length _ = _`",
        )
    return error


def _body(asked: LemmaMatch) -> dict[str, Any]:
    body: dict[str, Any] = {
        "limit": asked.count,
        "wall_ms": int(1_000 * _OWN_END * asked.wall_s),
        "heartbeats": int(_HEARTBEATS_PER_S * asked.wall_s) or 1,
    }
    if asked.pattern:
        body |= {"pattern": asked.pattern, "conclusion": asked.conclusion}
    if asked.goal:
        body["goal"] = asked.goal
    if asked.names is not None:
        body["names"] = list(asked.names)
    return body
