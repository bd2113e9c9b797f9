"""Rewriting of the JavaScript that Emscripten generated for Lean, so that loading it is quick.

Of its 89 MB all but 0.7 MB assign 193,000 exports to variables that nothing reads, and the file is
parsed in every thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASSIGN = b"function assignWasmExports(wasmExports){"
_STATEMENT = re.compile(
    rb'([A-Za-z0-9_$]+)=(?:Module\["[^"]*"\]=)?(?:([A-Za-z0-9_$]+)=)?'
    rb'wasmExports\["[^"]*"\](?:\.value)?[;}]'
)
_IDENTIFIER = re.compile(rb"[A-Za-z0-9_$]+")
_STRING = re.compile(rb'"([^"\\]{1,300})"')
# A name without its leading underscore may be used as a key; longer ones are Lean's own symbols.
_LONGEST_KEY = 40
_PATCHES = (
    # Functions are in the module's table already (lean_checker.embedded.wasm): only what the
    # linker asks for by name must be registered.
    (
        b"var updateGOT=(exports,replace)=>{for(var symName in exports){"
        b"if(isInternalSym(symName)){continue}",
        b"var updateGOT=(exports,replace)=>{for(var symName in exports){"
        b"if(!(symName in GOT)||isInternalSym(symName)){continue}",
    ),
    (b"var pthreadPoolSize=4;", b"var pthreadPoolSize=Module.threadPool??4;"),
)


class GlueFormatError(ValueError):
    """The glue does not have the shape that the rewriting knows."""


@dataclass(frozen=True)
class SlimGlue:
    """The rewritten glue and the export names it can use."""

    source: bytes
    used: frozenset[bytes]


@dataclass(frozen=True)
class _Statement:
    """One assignment, without the character that ends it, and the variables it sets."""

    text: bytes
    targets: tuple[bytes, ...]


def slim_glue(source: bytes) -> SlimGlue:
    """Drop the exports that nothing reads, and patch the registration of functions.

    Raises:
        GlueFormatError: the glue does not have the shape that the rewriting knows.
    """
    body = _find(source, _ASSIGN)
    names_start = source.rfind(b";var ", 0, body) + len(b";var ")
    names_end = body - 1
    if names_start < len(b";var ") or source[names_end:body] != b";":
        raise GlueFormatError("no list of export variables before assignWasmExports")
    statements, after = _statements(source, body + len(_ASSIGN))
    rest = source[:names_start] + b"\n" + source[after:]
    used = frozenset(_IDENTIFIER.findall(rest))
    kept = [s for s in statements if any(_is_used(name, used) for name in s.targets)]
    assigned = {name for statement in kept for name in statement.targets}
    names = [
        name
        for name in dict.fromkeys(source[names_start:names_end].split(b","))
        if name in used or name in assigned
    ]
    body_text = b";".join(statement.text for statement in kept)
    slim = _patch(
        b"".join((source[:names_start], b",".join(names), b";", _ASSIGN, body_text, source[after:]))
    )
    return SlimGlue(slim, frozenset(_STRING.findall(slim)) | frozenset(_IDENTIFIER.findall(slim)))


def _find(source: bytes, text: bytes) -> int:
    at = source.find(text)
    if at < 0:
        raise GlueFormatError(f"the glue lacks {text[:60].decode()!r}")
    return at


def _statements(source: bytes, start: int) -> tuple[list[_Statement], int]:
    """Return the assignments from ``start`` on, and the position of the closing brace."""
    statements = []
    at = start
    while (match := _STATEMENT.match(source, at)) is not None:
        targets = (match[1], match[2]) if match[2] else (match[1],)
        statements.append(_Statement(match[0][:-1], targets))
        at = match.end()
        if match[0].endswith(b"}"):
            return statements, at - 1
    raise GlueFormatError("assignWasmExports holds something other than assignments")


def _is_used(name: bytes, used: frozenset[bytes]) -> bool:
    return name in used or (name[1:] in used and len(name) < _LONGEST_KEY)


def _patch(source: bytes) -> bytes:
    for old, new in _PATCHES:
        if source.count(old) != 1:
            raise GlueFormatError(f"the glue lacks {old[:60].decode()!r}, or has it twice")
        source = source.replace(old, new)
    return source
