"""Policies: what a candidate may do, rest on and use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
)

STANDARD_AXIOMS = ("propext", "Classical.choice", "Quot.sound")
MAX_FORBIDDEN = 256
SELF = "self"
AFTER = "after:"
ForbiddenPattern = Annotated[str, StringConstraints(min_length=1, max_length=300)]
"""A name (``Nat.add_comm``), a glob (``Nat.add_*``), ``self``, or ``after:NAME``."""


class Policy(BaseModel):
    """The policy on a candidate: what it may do and rest on. The defaults are strict.

    Attributes:
        allowed_axioms: what a proof may assume.
        allow_helpers: whether it may declare more than was asked.
        allow_native_decide: whether it may rest on compiled code (Lean).
        second_kernel: whether our own kernel has to accept what Lean's does: always (``require``),
            for a share drawn by lot, to measure (``sample``), or never (``off``). Of what Lean's
            alone accepted there is no receipt, no export and no reward.
        forbidden: constants of the imports that the proof may not use (Lean): names, globs with
            ``*``, ``self`` for the asked theorem itself, ``after:NAME`` for NAME and what the
            library declares after it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allowed_axioms: tuple[str, ...] = STANDARD_AXIOMS
    allow_helpers: bool = True
    allow_native_decide: bool = False
    second_kernel: Literal["require", "sample", "off"] = "require"
    forbidden: tuple[ForbiddenPattern, ...] = Field(default=(), max_length=MAX_FORBIDDEN)

    @field_validator("forbidden")
    @classmethod
    def _in_order(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        """Write equal sets in one way."""
        return tuple(sorted(set(patterns)))

    def forbidding(self, patterns: tuple[str, ...]) -> Policy:
        """Return the policy that forbids these, too."""
        if not patterns:
            return self
        return Policy.model_validate({**dict(self), "forbidden": (*self.forbidden, *patterns)})

    @model_serializer(mode="wrap")
    def _without_nothing(self, write: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """Leave out what forbids nothing: hashes and receipts of older requests stay as they are.

        (With a return type, the JSON schema would lose the fields.)
        """
        fields: dict[str, Any] = write(self)
        if not self.forbidden:
            fields.pop("forbidden", None)
        return fields
