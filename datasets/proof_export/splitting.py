"""Splits into train, valid and test that keep families whole."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from aludel.errors import Conflict, InvalidRequest
from aludel.proof_export.families import families
from aludel.proof_export.feeds import Theorem
from aludel.proof_export.keys import Indices, Keys, KeyTable, NameIndex, stable_key
from aludel.proof_export.novelty import novel_families

SplitKind = Literal["none", "random", "lineage", "novel_premises", "cross_project"]
ProjectBy = Literal["imports", "namespace"]
SPLITS = ("train", "valid", "test")
TRAIN, VALID, TEST = range(3)

Codes: TypeAlias = np.ndarray[Any, np.dtype[np.int8]]
"""One place in :data:`SPLITS` for each theorem."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The plan of a split. Whatever its kind, a family is in one split, whole.

    Attributes:
        kind: ``random`` draws theorems and takes their families, so that a family's chance grows
            with its size; ``lineage`` draws families, each with the same chance;
            ``novel_premises`` is ``lineage`` among the families whose every theorem uses a
            premise that no theorem of train uses; ``cross_project`` draws whole projects.
        seed: of the draws.
        test, valid: shares of the theorems, at most; a family that does not fit is passed over.
        project: what a project is: the roots of the ``imports``, or the ``namespace`` of the
            library theorem.
    """

    kind: SplitKind = "none"
    seed: int = 0
    test: float = 0.1
    valid: float = 0.05
    project: ProjectBy = "imports"

    def __post_init__(self) -> None:
        if self.kind not in get_args(SplitKind):
            raise InvalidRequest(
                f"unknown split {self.kind!r}",
                field="split",
                fix=f"use {', '.join(get_args(SplitKind))}",
            )
        for field in ("test", "valid"):
            if not 0 <= getattr(self, field) < 1:
                raise InvalidRequest(
                    "must be at least 0 and below 1", field=field, fix="give a share such as 0.1"
                )
        if self.test + self.valid >= 1 or not self.test + self.valid:
            raise InvalidRequest(
                "the shares of test and valid must leave some to train, and not all",
                field="test",
                fix="give shares such as --test 0.1 --valid 0.05",
            )


@dataclass(frozen=True)
class Splits:
    """The split of each theorem.

    Attributes:
        plan: what was asked for.
        counts: theorems by split.
        families: how many families there are, or projects in ``cross_project``.
    """

    plan: SplitPlan
    counts: dict[str, int]
    families: int
    _names: Sequence[int]
    _codes: Sequence[int]

    def of(self, name: str) -> str:
        """Return the split of the theorem of this name.

        Raises:
            Conflict: it was not among the theorems that were divided.
        """
        key = stable_key(name)
        at = bisect_left(self._names, key)
        if at == len(self._names) or self._names[at] != key:
            raise Conflict(
                f"{name!r} is in no split: it was recorded after they were drawn",
                field="split",
                fix="run again when nothing is being recorded",
            )
        return SPLITS[self._codes[at]]


def assign_splits(theorems: Iterable[Theorem], plan: SplitPlan) -> Splits:
    """Divide theorems; the same theorems in any order and the same plan give the same splits.

    Args:
        theorems: variants, for example; read once. Of each some 60 bytes are kept.
        plan: how.

    Raises:
        InvalidRequest: the theorems cannot be divided so; says why.
    """
    keys, projects = KeyTable(), _Projects(plan)
    for theorem in theorems:
        keys.add(theorem)
        projects.add(theorem)
    codes = np.zeros(len(keys), dtype=np.int8)
    labels = families(keys, projects.keys(keys))
    if plan.kind != "none" and len(keys):
        codes = _drawn(keys, labels, plan)
    order = np.argsort(keys.names, kind="stable")
    return Splits(
        plan=plan,
        counts={name: int((codes == code).sum()) for code, name in enumerate(SPLITS)},
        families=len(np.unique(labels)),
        _names=keys.names[order].data,
        _codes=codes[order].data,
    )


class _Projects:
    """The project of each theorem, where the plan asks for it."""

    def __init__(self, plan: SplitPlan) -> None:
        by: dict[str, Callable[[Theorem], str]] = {"imports": _roots, "namespace": _namespace}
        self._project = by[plan.project] if plan.kind == "cross_project" else None
        self._keys: list[int] = []

    def add(self, theorem: Theorem) -> None:
        if self._project is not None:
            self._keys.append(stable_key(self._project(theorem)))

    def keys(self, table: KeyTable) -> Keys | None:
        """Return their keys; a variant of a variant has its parent's project, not one by name."""
        if self._project is None:
            return None
        keys = np.array(self._keys, dtype=np.int64)
        keys[NameIndex(table.names).find(table.targets) >= 0] = 0
        return keys


def _roots(theorem: Theorem) -> str:
    return " ".join(sorted({module.partition(".")[0] for module in theorem.imports}))


def _namespace(theorem: Theorem) -> str:
    name = theorem.parents[0] if theorem.parents else theorem.name
    return name.partition(".")[0] if "." in name else ""


def _drawn(keys: KeyTable, labels: Indices, plan: SplitPlan) -> Codes:
    family, member = np.unique(labels, return_inverse=True)
    if len(family) < 2:
        raise InvalidRequest(
            f"all {len(keys)} theorems are one {_unit(plan)}, which no split divides",
            field="split",
            fix="--project-by namespace" if plan.kind == "cross_project" else "mutate more targets",
        )
    sizes = np.bincount(member)
    order = _order(keys, member, sizes, plan)
    if plan.kind == "novel_premises":
        limit = int((plan.test + plan.valid) * len(keys))
        order = novel_families(keys, member, order, limit)
        if not order:
            raise InvalidRequest(
                "no family has a premise of its own in each of its theorems",
                field="split",
                fix="choose another kind of split, or larger shares",
            )
    chosen = _filled(order, sizes, plan, len(keys))
    return chosen[member]


def _unit(plan: SplitPlan) -> str:
    return "project" if plan.kind == "cross_project" else "family"


def _order(keys: KeyTable, member: Indices, sizes: Indices, plan: SplitPlan) -> list[int]:
    """Return the families as they are drawn.

    Where a family's chance is to grow with its size, it waits an exponential time of that rate.
    """
    firsts = np.full(len(sizes), np.iinfo(np.int64).max)
    np.minimum.at(firsts, member, keys.names)
    waits = np.array([_uniform(plan.seed, int(first)) for first in firsts])
    if plan.kind == "random":
        waits = -np.log(waits) / sizes
    order: list[int] = np.lexsort((firsts, waits)).tolist()
    return order


def _uniform(seed: int, family: int) -> float:
    """Return a number above 0 and at most 1 that depends on the seed and the family alone."""
    digest = hashlib.sha256(f"{seed}\n{family}".encode()).digest()
    return (int.from_bytes(digest[:6], "big") + 1) / 2.0**48


def _filled(order: list[int], sizes: Indices, plan: SplitPlan, theorems: int) -> Codes:
    """Give each split the families that fit into its share, in order; train has the rest."""
    chosen = np.zeros(len(sizes), dtype=np.int8)
    for code, share in ((TEST, plan.test), (VALID, plan.valid)):
        free = math.floor(share * theorems)
        waiting = [family for family in order if chosen[family] == TRAIN]
        for family in waiting:
            if sizes[family] <= free:
                chosen[family] = code
                free -= sizes[family]
        untouched = share > 0 and not (chosen == code).any()
        if untouched and int((chosen == TRAIN).sum()) > 1 and waiting:
            chosen[min(waiting, key=lambda family: int(sizes[family]))] = code
    return chosen
