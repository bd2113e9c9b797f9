"""What a policy forbids: names, globs, the asked theorem itself, and what comes after a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aludel.errors import InvalidRequest
from aludel.models import CheckRequest, Policy
from aludel.policies import AFTER, SELF
from aludel.statements import declares_theorem

FIELD = "policy.forbidden"
STAR = "*"
_FIX = "give names such as Nat.add_comm, globs such as 'Nat.add_*', self, or after:NAME"
_PART = r"(?:[^\W\d_][\w'!?]*|_[\w'!?]+|«[^«»\x00-\x1f]+»)"
_NAME = re.compile(rf"{_PART}(?:\.{_PART})*")
_MARKS = re.compile("[«»]")
_GLOB = re.compile(r"[\w.'!?*«» ]+")


@dataclass(frozen=True)
class ForbiddenConstants:
    """A policy's patterns, apart.

    Attributes:
        self: whether the asked theorem is among them.
        names: constants.
        globs: with ``*`` for any text.
        after: constants from which on the library is forbidden.
    """

    self: bool
    names: tuple[str, ...]
    globs: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def always_means_something(self) -> bool:
        """Whether there is nothing in it that a library may not have."""
        return not (self.names or self.globs or self.after)

    def body(self) -> dict[str, Any]:
        """Return it as a Lean server reads it."""
        return {
            "self": self.self,
            "names": list(self.names),
            "globs": [_MARKS.sub("", glob).split(STAR) for glob in self.globs],
            "after": list(self.after),
        }


def forbidden_of(policy: Policy) -> ForbiddenConstants | None:
    """Return what a policy forbids, or None.

    Raises:
        InvalidRequest: a pattern is none.
    """
    if not policy.forbidden:
        return None
    names, globs, after = [], [], []
    for pattern in policy.forbidden:
        if pattern.startswith(AFTER):
            after.append(_name(pattern.removeprefix(AFTER), pattern))
        elif STAR in pattern:
            if not _GLOB.fullmatch(pattern):
                raise InvalidRequest(f"{pattern!r} is no glob over names", field=FIELD, fix=_FIX)
            globs.append(pattern)
        elif pattern != SELF:
            names.append(_name(pattern, pattern))
    return ForbiddenConstants(SELF in policy.forbidden, tuple(names), tuple(globs), tuple(after))


def validate_forbidden(request: CheckRequest) -> None:
    """Refuse patterns that can be told to be wrong without a library.

    Raises:
        InvalidRequest: a pattern is none, or ``self`` is no theorem.
    """
    asked = forbidden_of(request.policy)
    if asked is None or not asked.self:
        return
    if request.statement is None or not declares_theorem(request.statement):
        raise InvalidRequest(
            "`self` is the theorem that the statement asks for, and it asks for none",
            field=FIELD,
            fix="send the statement of a theorem, or name what is forbidden",
        )


def _name(text: str, pattern: str) -> str:
    if not _NAME.fullmatch(text):
        raise InvalidRequest(f"{pattern!r} names no constant", field=FIELD, fix=_FIX)
    return text
