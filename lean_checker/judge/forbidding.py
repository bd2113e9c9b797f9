"""Forbidden constants: which patterns mean something in a library, and ways to what they forbid.

The kernels' processes, which read no candidate, hold the library and walk it; nothing here rests on
what a process says that reads candidates.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Strict, ValidationError

from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import BackendCrashed, BackendUnavailable, InvalidRequest
from aludel.lean_checker.forbidden import FIELD, ForbiddenConstants
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.judge.question import OURS, Question
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.policy import Finding
from aludel.lean_checker.pool import LeanPool
from aludel.models import RejectReason, UndecidedReason
from aludel.policies import AFTER

_LOOK_S = 120.0
_FIX = "a constant of another module needs that among `imports`"
_KEPT = 1_024
_SHOWN = 3
_OWN = re.compile(rf"{OURS}\.(\d+)")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Names = Annotated[tuple[str, ...], Strict(False)]


class Use(_Part):
    """A forbidden constant that the declarations of a question reach.

    Attributes:
        name: the constant.
        pattern: what forbids it.
        path: constants from the proof down to it, those of the question by number.
    """

    name: str
    pattern: str
    path: Names


class Unsure(Use):
    """A constant that may be forbidden.

    Attributes:
        why: ``order``: the library does not say in which order the two were declared; ``limit``:
            comparing what they say ran into a limit.
    """

    why: Literal["order", "limit"]


class Uses(_Part):
    """What a walk from the proof came upon."""

    uses: Annotated[tuple[Use, ...], Strict(False)]
    unsure: Annotated[tuple[Unsure, ...], Strict(False)]


class _Meaning(_Part):
    imports: Names
    unknown: Names
    unmatched: Names
    offered: Names


def finding_of(found: Uses, question: Question) -> Finding | None:
    """Return why a proof is not accepted; None where it uses nothing that is forbidden."""
    name = question.name_at(question.count)
    if found.uses:
        shown = "; ".join(_said(use, question) for use in found.uses[:_SHOWN])
        more = len(found.uses) - _SHOWN
        shown += f"; and {more} more" if more > 0 else ""
        return Finding(RejectReason.FORBIDDEN_CONSTANT, f"the proof uses {shown}", name)
    if not found.unsure:
        return None
    first = found.unsure[0]
    if first.why == "limit":
        message = f"whether `{first.name}` says what `{first.pattern}` says was not found in time"
        return Finding(UndecidedReason.HEARTBEATS, message, name)
    message = (
        f"the proof uses `{first.name}` ({_way(first, question)}), which may come after "
        f"`{first.pattern.removeprefix(AFTER)}`: both are of one module, whose order this library "
        "does not hold"
    )
    return Finding(UndecidedReason.DECLARATION_ORDER, message, name)


def _said(use: Use, question: Question) -> str:
    return f"`{use.name}`, which `{use.pattern}` forbids ({_way(use, question)})"


def _way(use: Use, question: Question) -> str:
    names = [question.declared[-1]] if question.match is not None else []
    for one in use.path:
        own = _OWN.fullmatch(one)
        name = question.name_at(int(own[1])) if own else one
        if name not in names[-1:]:
            names.append(name)
    return " -> ".join(names)


@dataclass(frozen=True)
class _Asked:
    imports: tuple[str, ...]
    forbidden: ForbiddenConstants


class Meanings:
    """Finds out, once for each import set, whether patterns mean something. Thread-safe.

    Args:
        pool: processes that read no candidate.
    """

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._known: OrderedDict[_Asked, None] = OrderedDict()

    def ensure(self, forbidden: ForbiddenConstants, imports: tuple[str, ...]) -> None:
        """Refuse a pattern that forbids nothing: it may be a misspelt one.

        Raises:
            InvalidRequest: a name is no constant of the imports, a glob matches none, or an
                import is none.
            BackendUnavailable: the machine failed.
        """
        asked = _Asked(import_set(imports), forbidden)
        with self._lock:
            if asked in self._known:
                self._known.move_to_end(asked)
                return
        meaning = self._look(asked)
        if meaning.unknown:
            raise _unknown(meaning)
        if meaning.unmatched:
            raise InvalidRequest(
                f"no constant of {', '.join(asked.imports)} matches {meaning.unmatched[0]!r}",
                field=FIELD,
                fix=f"use a glob over full names, for example 'Nat.add_*'; {_FIX}",
            )
        with self._lock:
            self._known[asked] = None
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)

    def _look(self, asked: _Asked) -> _Meaning:
        body = {"imports": list(asked.imports), "forbidden": asked.forbidden.body()}
        try:
            with self._pool.lease(asked.imports, Deadline.after(QUEUE_S)) as process:
                reply = process.ask("forbidden", body, Deadline.after(_LOOK_S))
            meaning = _Meaning.model_validate(reply.result)
        except LimitReached as limit:
            fix = "forbid fewer globs, and none that begins with *"
            raise BackendUnavailable(
                f"the names of the library: {limit.message}", fix=fix
            ) from limit
        except ValidationError as error:
            message = f"the Lean server answered what is no answer: {error}"
            raise BackendCrashed(message) from error
        if meaning.imports != asked.imports:
            raise BackendCrashed("the Lean server answered for another import set")
        return meaning


def _unknown(meaning: _Meaning) -> InvalidRequest:
    name = meaning.unknown[0]
    near = difflib.get_close_matches(name, meaning.offered, n=3, cutoff=0.6)
    shown = " or ".join(f"`{one}`" for one in near)
    fix = f"did you mean {shown}?" if near else f"give its full name; {_FIX}"
    message = f"`{name}` is no constant of {', '.join(meaning.imports)}"
    return InvalidRequest(message, field=FIELD, fix=fix)
