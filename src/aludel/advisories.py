"""Known soundness bugs of Lean by version: what each needs, and what refuses it here.

Sources: the named pull requests of ``leanprover/lean4`` and the release notes of 4.32.1 to 4.34.1.
A version counts as affected below the release that has the fix; none of them says since when.
"""

from __future__ import annotations

import re

from aludel.models import Model, Prover, Toolchain

_SECOND_KERNEL = "the second kernel does not share it"
_TABLES = "declarations travel as tables, which cannot say it"
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(-.+)?")


class Advisory(Model):
    """A published way to a proof of ``False``, or a hardening that followed one.

    Attributes:
        pull: number of the pull request with the fix.
        fixed_in: first release with the fix.
        needs_metaprogram: whether only a program inside Lean can make the declaration.
        what: the bug in a sentence.
        closed_here: why Aludel does not accept it all the same.
    """

    pull: int
    fixed_in: str
    needs_metaprogram: bool
    what: str
    closed_here: str


ADVISORIES: tuple[Advisory, ...] = tuple(
    Advisory(pull=pull, fixed_in=fixed, needs_metaprogram=meta, what=what, closed_here=closed)
    for pull, fixed, meta, what, closed in (
        (14498, "4.32.1", True, "values with metavariables or free variables were taken", _TABLES),
        (14577, "4.32.2", True, "dropped parameters of nested types were not checked",
         _SECOND_KERNEL),
        (14607, "4.33.0", True, "free variables in inductive types were taken", _TABLES),
        (14608, "4.33.0", True, "universe parameters of a mutual block could differ",
         _SECOND_KERNEL),
        (14613, "4.33.0", True, "`Sort (imax 1 0)` was not recognised as `Prop`", _SECOND_KERNEL),
        (14615, "4.33.0", True, "a mutual block was judged by its first type's level",
         _SECOND_KERNEL),
        (14616, "4.33.0", True, "helper names of nested types could collide", _SECOND_KERNEL),
        (14621, "4.33.0", True, "what nested types become was not checked again", _SECOND_KERNEL),
        (14631, "4.33.0", True, "indices of projections were truncated", _SECOND_KERNEL),
        (14582, "4.33.1", True, "a type applied to other than its parameters in its own "
         "declaration", _SECOND_KERNEL),
        (14806, "4.33.1", True, "equality depended on what was asked before", _SECOND_KERNEL),
        (14807, "4.33.1", False, "a type that does not reduce to a sort counted as no proposition",
         _SECOND_KERNEL),
        (14808, "4.33.1", True, "rules of recursors were not checked to keep types",
         _SECOND_KERNEL),
        (14838, "4.33.1", False, "a reference count of 32 bits could overflow",
         "caps on the size of terms, and the second kernel"),
        (14833, "4.34.0", True, "arithmetic was done for names and not for the library's functions",
         _SECOND_KERNEL),
        (14843, "4.34.0", False, "the bug of 14807 in declarations of inductive types",
         _SECOND_KERNEL),
        (14849, "4.34.0", True, "arithmetic on literals of any size", _SECOND_KERNEL),
        (15289, "4.34.1", False, "counts of references of terms above 100 GB could overflow",
         "caps on the size of terms, and the second kernel"),
    )
)  # fmt: skip


def advisories_of(toolchain: Toolchain) -> tuple[Advisory, ...]:
    """Return the known soundness bugs of a toolchain's kernel, the earliest fix first.

    A version that cannot be read counts as affected by all; F* has no table.
    """
    if toolchain.prover is not Prover.LEAN:
        return ()
    version = _parsed(toolchain.version)
    if version is None:
        return ADVISORIES
    return tuple(one for one in ADVISORIES if version < (_parsed(one.fixed_in) or version))


def _parsed(version: str) -> tuple[int, int, int, int] | None:
    """Return a version in an order in which a release follows its candidates."""
    found = _VERSION.match(version)
    if found is None:
        return None
    major, minor, patch, candidate = found.groups()
    return int(major), int(minor), int(patch or 0), 0 if candidate else 1
