"""The chat in which recipes ask for a proof: the template that models are asked with, too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from aludel.prompts import PROOF_LEAN_1, Message

TEMPLATE = PROOF_LEAN_1
Messages: TypeAlias = tuple[Message, ...]


def asked(statement: str, imports: Sequence[str]) -> Messages:
    """Return the messages that ask for a proof of ``statement``."""
    return TEMPLATE.messages(imports=", ".join(imports), statement=statement, premises="")


def answered(code: str) -> Message:
    """Return the assistant's message that gives ``code``; its fence is longer than any in it."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return Message(role="assistant", content=f"{fence}lean\n{code.rstrip()}\n{fence}")
