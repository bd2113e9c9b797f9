"""Self-contained statements from Lean text of other people's files."""

from __future__ import annotations

from aludel.statements import UnusableText, declared, split_header

__all__ = ["UnusableText", "declared", "module_of", "split_header"]


def module_of(path: str) -> str:
    """Return the module of a file in a repository: ``Mathlib/Order/Basic.lean``, or a package's."""
    parts = [part for part in path.removesuffix(".lean").split("/") if part]
    if ".lake" in parts[:1] or "lake-packages" in parts[:1]:
        parts = parts[3:] if parts[0] == ".lake" else parts[2:]
    if parts[:2] == ["src", "lean"]:  # Lean's own sources in its toolchain
        parts = parts[2:]
    return ".".join(parts)
