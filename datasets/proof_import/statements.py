"""Self-contained statements from Lean text of other people's files."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"/-.*?-/|--[^\n]*", re.DOTALL)
_OPEN_END = re.compile(r"\s*:=\s*(?:by\b\s*)?(?:sorry\s*)?$")
_ATTRIBUTES = r"(?:@\[[^\]]*\]\s*|(?:private|protected|nonrec|noncomputable|public)\s+)*"
_HEADER = re.compile(rf"^{_ATTRIBUTES}(?:theorem|lemma)\s+([^\s:({{\[⦃]+)", re.DOTALL)
_IMPORT = re.compile(r"^(?:public\s+)?import\s+(?:all\s+)?(\S+)\s*$")
_KEPT = re.compile(r"^(?:open|set_option)\s")
_DROPPED = re.compile(r"^(?:noncomputable\s+section|section|set_option\s+maxHeartbeats\s+\d+)\s*$")


class UnusableText(ValueError):
    """A text that cannot be made a statement; the message says why."""


def header_of(text: str, name: str | None = None) -> str:
    """Return ``theorem NAME …`` without attributes, comments and an open end.

    Args:
        text: a declaration up to and without its proof; ``:= by sorry`` and the like are cut off.
        name: the full name, which replaces a declared one that is its end.

    Raises:
        UnusableText: it does not begin as a theorem, or holds a proof.
    """
    bare = _OPEN_END.sub("", _COMMENT.sub("", text).strip())
    found = _HEADER.match(bare)
    if found is None:
        raise UnusableText("it does not begin with `theorem` or `lemma` and a name")
    declared, rest = found[1], bare[found.end() :]
    if re.search(r":=\s*by\b", rest):
        raise UnusableText("it holds a proof")
    if not rest.strip():
        raise UnusableText("it states nothing")
    full = name if name and name.endswith(f".{declared}") else declared
    return f"theorem {full}{rest}"


def declared_name(header: str) -> str:
    """Return the name that a header declares."""
    found = _HEADER.match(header)
    return found[1] if found else ""


def split_preamble(text: str) -> tuple[tuple[str, ...], str, str]:
    """Divide a text into imports, ``open … in`` lines for a statement, and the declaration.

    Raises:
        UnusableText: something else stands before the declaration, which a statement cannot carry.
    """
    lines = _COMMENT.sub("", text).strip().split("\n")
    imports: list[str] = []
    kept: list[str] = []
    while lines and not _HEADER.match("\n".join(lines)):
        line = lines.pop(0).strip()
        imported = _IMPORT.match(line)
        if imported:
            imports.append(imported[1])
        elif _KEPT.match(line) and not _DROPPED.match(line):
            kept.append(line if line.endswith(" in") else f"{line} in")
        elif line and not _DROPPED.match(line):
            raise UnusableText(f"a statement cannot carry `{line[:80]}`")
    return tuple(dict.fromkeys(imports)), "".join(f"{line}\n" for line in kept), "\n".join(lines)


def module_of(path: str) -> str:
    """Return the module of a file in a repository: ``Mathlib/Order/Basic.lean``, or a package's."""
    parts = [part for part in path.removesuffix(".lean").split("/") if part]
    if ".lake" in parts[:1] or "lake-packages" in parts[:1]:
        parts = parts[3:] if parts[0] == ".lake" else parts[2:]
    if parts[:2] == ["src", "lean"]:  # Lean's own sources in its toolchain
        parts = parts[2:]
    return ".".join(parts)
