"""Lean's messages and the server's refusals in plain words.

Facts are what a prover said; nothing here changes what a verdict is made of, only how it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aludel.candidates import UNKNOWN_MODULE
from aludel.lean_text import Kind, UnreadableText, pieces, significant
from aludel.models import Diagnostic, Position, Severity

LATE_IMPORT = "Lean.Parser.Command.import"
_UNLISTED = re.compile(r"command `([^`]+)` is not on the list of commands that run no code")
_KINDS = {
    LATE_IMPORT: "`import` must stand at the beginning of the file, before everything else",
    "Lean.Parser.Command.initialize": "`initialize` runs code, which no candidate may",
    "Lean.Parser.Command.elab_rules": "`elab_rules` runs code, which no candidate may",
    "Lean.Parser.Command.elab": "`elab` runs code, which no candidate may",
}
_EXIT = "`#exit` would run code of the candidate inside the checker"
_EXIT_SAID = (
    "`#exit` ends the file before its end: what follows it is not read, and cannot be judged; "
    "leave it out"
)
_DEPENDS = re.compile(r"'(?P<name>\S+)' depends on axioms: \[(?P<names>[^\]]*)\]")
# Other imported names in a list of axioms may be theorems that were imported without their proofs.
_AXIOMS = frozenset(
    {
        "propext",
        "Classical.choice",
        "Quot.sound",
        "sorryAx",
        "Lean.ofReduceBool",
        "Lean.ofReduceNat",
        "Lean.trustCompiler",
    }
)
_SHOWN = 5
_LEMMA = (
    "`lemma` is Mathlib's word, and the imports do not define it; use `theorem`, or import Mathlib"
)


_UNKNOWN_IMPORT = re.compile(rf"{UNKNOWN_MODULE} '([^']+)'")


def import_fix(message: str, unbuilt: tuple[str, ...] = ()) -> str | None:
    """Return what to do about a refused import, or None where ``message`` refuses none.

    ``unbuilt``: packages of a project without compiled modules.
    """
    if (found := _UNKNOWN_IMPORT.match(message)) is None:
        return None
    if unbuilt:
        return (
            f"run `lake build` in the project, or `lake exe cache get`: {', '.join(unbuilt)} "
            "of its packages has no compiled modules"
        )
    return (
        f"this toolchain has no {found[1]}: leave the import out, "
        "or name a toolchain or project that has it"
    )


def plain(message: str, own_axioms: frozenset[str] = frozenset()) -> str:
    """Return a message of the server in plain words; most are so already.

    Args:
        message: what Lean or the guard said.
        own_axioms: axioms that the candidate itself declares.
    """
    if unlisted := _UNLISTED.fullmatch(message):
        kind = unlisted[1]
        return _KINDS.get(kind) or (
            f"the command `{_word(kind)}` is not on the list of commands that run no code"
        )
    if message == _EXIT:
        return _EXIT_SAID
    if depends := _DEPENDS.fullmatch(message):
        return _axioms(depends["name"], depends["names"], own_axioms) or message
    return message


def lemma_hints(
    code: str, errors: list[Position], imports: tuple[str, ...]
) -> tuple[Diagnostic, ...]:
    """Return a hint for each ``lemma`` that Lean did not know.

    Args:
        code: the candidate's text.
        errors: where Lean's parser stopped.
        imports: the import set; with Mathlib in it ``lemma`` is known.
    """
    if not errors or any(name.split(".")[0] == "Mathlib" for name in imports):
        return ()
    return tuple(
        Diagnostic(severity=Severity.INFO, message=_LEMMA, start=start, end=end)
        for start, end, stops in _lemmas(code)
        if any(error in (start, stops) for error in errors)
    )


def auto_bound(names: tuple[str, ...]) -> tuple[Diagnostic, ...]:
    """Return a warning of the names that the asked statement does not bind, if there are any."""
    if not names:
        return ()
    shown = ", ".join(f"`{name}`" for name in names)
    made = "a variable" if len(names) == 1 else "variables"
    message = (
        f"the statement does not bind {shown}: Lean made {made} of any type that fits; bind what "
        "is meant (with the option autoImplicit set to false this is an error)"
    )
    return (Diagnostic(severity=Severity.WARNING, message=message),)


def _word(kind: str) -> str:
    """Return the command that a syntax kind stands for, as far as its name says it."""
    last = kind.rpartition(".")[2].strip("«»")
    return last.removeprefix("command").strip("_") or kind


def _axioms(name: str, listed: str, own: frozenset[str]) -> str | None:
    """Say what ``#print axioms`` found, where it could not look into the library."""
    names = [text.strip() for text in listed.split(",")]
    true = [text for text in names if text in _AXIOMS or text in own]
    hidden = [text for text in names if text not in true]
    if not hidden:
        return None
    if name in hidden:
        return (
            f"which axioms '{name}' depends on cannot be listed here: it is imported without its "
            "proof (the embedded library is at the exported level), or is an axiom itself"
        )
    shown = ", ".join(hidden[:_SHOWN])
    more = f" and {len(hidden) - _SHOWN} more" if len(hidden) > _SHOWN else ""
    return (
        f"'{name}' depends on axioms: [{', '.join(true)}], and on those of {shown}{more}, which "
        "cannot be listed here: each is imported without its proof (the embedded library is at "
        "the exported level), or is an axiom itself"
    )


def _lemmas(code: str) -> Iterator[tuple[Position, Position, Position | None]]:
    """Yield where each ``lemma NAME`` begins, where its word ends, and what follows the name."""
    try:
        found = significant(pieces(code.replace("\r\n", "\n")))
    except UnreadableText:
        return
    text = code.replace("\r\n", "\n")
    for index, piece in enumerate(found[:-1]):
        if piece.text == "lemma" and piece.depth == 0 and found[index + 1].kind is Kind.NAME:
            after = found[index + 2].start if index + 2 < len(found) else None
            yield (
                _position(text, piece.start),
                _position(text, piece.start + len(piece.text)),
                None if after is None else _position(text, after),
            )


def _position(text: str, at: int) -> Position:
    line_start = text.rfind("\n", 0, at) + 1
    return Position(line=text.count("\n", 0, at) + 1, column=at - line_start)
