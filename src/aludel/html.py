"""HTML of verdicts, goals and variants, as notebooks show them.

What is shown comes from candidates, which are hostile: every text is escaped, none is cut, and no
attribute but fixed ones is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

Rows = Iterable[tuple[str, str | None]]
_PRE = '<pre style="margin:.2em 0;white-space:pre-wrap;text-align:left">'
_COLOURS = {"accepted": "#1a7f37", "rejected": "#cf222e", "undecided": "#9a6700"}


def pre(text: str) -> str:
    """Return a text as it is, in lines of its own."""
    return f"{_PRE}{escape(text)}</pre>"


def heading(kind: str, *more: str | None) -> str:
    """Return a first line: what it is, coloured where it is a verdict, and what else there is."""
    style = f' style="color:{_COLOURS[kind]}"' if kind in _COLOURS else ""
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
    return f"<table>{shown}</table>" if shown else ""
