"""Names of variants: unique, readable, and stable when the same variant is made again."""

from __future__ import annotations

import hashlib
import re

from aludel.lean_checker.operations import Mutant

_NOT_A_WORD = re.compile(r"[^A-Za-z0-9_]+")
_PRIVATE = re.compile(r"^_private\.(?:.*\.)?0\.")
_MAX_STEM = 60


def variant_name(target: str, mutant: Mutant) -> str:
    """Return for example ``Nat_add_assoc_rw_1f0c9a72be``.

    One component, because Lean opens the namespaces of a dotted name while it elaborates the
    declaration, and the statement would then be read differently.
    """
    key = "\n".join(
        (
            target,
            mutant.rule,
            mutant.lemma,
            mutant.direction or "",
            mutant.position,
            mutant.hypothesis or "",
            mutant.term_hash,
        )
    )
    target = _PRIVATE.sub("", target)
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    stem = _NOT_A_WORD.sub("_", target).strip("_")[:_MAX_STEM] or "theorem"
    if stem[0].isdigit():
        stem = f"t_{stem}"
    return f"{stem}_{mutant.rule}_{digest}"


def order_key(seed: int, name: str) -> str:
    """Return the key by which a run with ``seed`` orders its targets."""
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()
