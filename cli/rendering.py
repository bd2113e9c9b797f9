"""Verdicts for people: a verdict line, then each diagnostic with its source line and a caret.

Errors for programs: the JSON object that every command prints.
"""

from __future__ import annotations

import click

from aludel.errors import AludelError
from aludel.models import Accepted, Diagnostic, Severity, Verdict
from aludel.vouching import axioms_in_words

_COLOURS = {"accepted": "green", "rejected": "red", "undecided": "yellow"}
_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def render_verdict(verdict: Verdict, source: str, name: str) -> str:
    """Return ``verdict`` as text; ``name`` is what to call the file whose text ``source`` is."""
    lines = [line.removesuffix("\r") for line in source.split("\n")]
    parts = [_headline(verdict)]
    parts.extend(_render_diagnostic(item, lines, name) for item in verdict.diagnostics)
    return "\n".join(parts)


def error_object(error: AludelError) -> dict[str, str | None]:
    """Return an error as the JSON that commands print."""
    return {
        "kind": "error",
        "reason": error.code,
        "field": error.field,
        "message": error.message,
        "fix": error.fix,
    }


def _headline(verdict: Verdict) -> str:
    kind = click.style(verdict.kind, fg=_COLOURS[verdict.kind], bold=True)
    cost = f"{verdict.usage.wall_s:.2f} s"
    if not isinstance(verdict, Accepted):
        return f"{kind} ({verdict.reason.value}, {cost}): {printable(verdict.message or '')}"
    match = verdict.evidence.statement_match
    facts = [
        ", ".join(filter(_given_by_people, verdict.evidence.declarations)),
        f"statement {match}" if match else "",
        _axioms(verdict),
    ]
    return f"{kind} ({cost}): {printable('; '.join(filter(None, facts)))}"


def _axioms(verdict: Accepted) -> str:
    """What a proof rests on; F* reports none, so nothing is said where no axioms were looked at."""
    looked_at = verdict.axioms or "axioms" in verdict.evidence.checks
    return axioms_in_words(verdict.axioms, verdict.evidence.hidden) if looked_at else ""


def _given_by_people(name: str) -> bool:
    """Whether ``name`` stands in the source, rather than being made up by the prover."""
    return not any(part.startswith("_") for part in name.split("."))


def _render_diagnostic(diagnostic: Diagnostic, lines: list[str], name: str) -> str:
    colour = _SEVERITY_COLOURS[diagnostic.severity]
    severity = click.style(diagnostic.severity.value, fg=colour, bold=True)
    message = printable(diagnostic.message).rstrip()
    start = diagnostic.start
    if start is None:
        return f"{name}: {severity}: {message}"
    head = f"{name}:{start.line}:{start.column + 1}: {severity}: {message}"
    if not 1 <= start.line <= len(lines):
        return head
    text = lines[start.line - 1]
    gutter = str(start.line)
    lead = "".join("\t" if character == "\t" else " " for character in text[: start.column])
    caret = click.style("^" * _width(diagnostic, text), fg=colour)
    return f"{head}\n {gutter} | {printable(text)}\n {' ' * len(gutter)} | {lead}{caret}"


def _width(diagnostic: Diagnostic, text: str) -> int:
    """The number of characters of the first line that the diagnostic covers."""
    start, end = diagnostic.start, diagnostic.end
    if start is None or end is None:
        return 1
    last = end.column if end.line == start.line else len(text)
    return max(1, min(last, len(text)) - start.column)


def printable(text: str) -> str:
    """Keep the candidate's text from steering the terminal."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
