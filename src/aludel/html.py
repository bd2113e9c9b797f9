"""HTML of verdicts, goals and variants, as notebooks show them.

What is shown comes from candidates, which are hostile: every text is escaped, none is cut, what
would reorder a line is shown by its number, and no attribute but fixed ones is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape as _escape

Rows = Iterable[tuple[str, str | None]]
_PRE = '<pre style="margin:.2em 0;white-space:pre-wrap;text-align:left">'
# No colour of letters can be read on a white page and on a dark one; these bring their own ground.
_GROUNDS = {"accepted": "#1a7f37", "rejected": "#cf222e", "undecided": "#9a6700"}
_BADGE = "color:#fff;background:{};padding:0 .4em;border-radius:.3em"
# Marks, embeddings, overrides and isolates of the bidirectional algorithm.
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def escape(text: str) -> str:
    """Return a text for HTML, with characters that reorder a line as ``⟨U+202E⟩``."""
    return _escape(_REORDERING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text))


def pre(text: str) -> str:
    """Return a text as it is, in lines of its own."""
    return f"{_PRE}{escape(text)}</pre>"


def heading(kind: str, *more: str | None) -> str:
    """Return a first line: what it is, a badge where it is a verdict, and what else there is."""
    style = f' style="{_BADGE.format(_GROUNDS[kind])}"' if kind in _GROUNDS else ""
    rest = "".join(f" · {escape(part)}" for part in more if part)
    return f"<div><b{style}>{escape(kind)}</b>{rest}</div>"


def table(rows: Rows) -> str:
    """Return a table of names and texts, without the rows that have no text."""
    shown = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{escape(name)}</th>'
        f'<td style="text-align:left">{pre(text)}</td></tr>'
        for name, text in rows
        if text
    )
    # Where a page has no doctype, a table takes no colour from around it.
    return f'<table style="color:inherit">{shown}</table>' if shown else ""
