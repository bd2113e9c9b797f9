"""Docstrings as Markdown: two marks of reStructuredText that `help()` leaves readable."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_LITERAL = re.compile(r"::\n\n(?= {4})")


class DocstringsAsMarkdown(griffe.Extension):
    """Names for roles (``:func:``), a colon for the two before a block."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one docstring."""
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = _LITERAL.sub(":\n\n", text)
