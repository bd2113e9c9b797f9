"""Targets: theorems of the library, a statement of the user, and variants of an earlier round."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from aludel.errors import InvalidRequest
from aludel.lean_checker.operations import MutantSource
from aludel.models import Accepted, CheckRequest, LeanContext
from aludel.mutation.naming import order_key
from aludel.mutation.own import last_theorem, names_it
from aludel.mutation.plan import MutationPlan
from aludel.protocols import Checker
from aludel.records import VariantRecord

_T = TypeVar("_T")


@dataclass(frozen=True)
class Target:
    """A theorem to rewrite.

    Attributes:
        name: its name in the import set or the preamble.
        preamble: declarations that declare it and what it rests on; empty for the library's.
        namespace: that of the library theorem that it descends from.
    """

    name: str
    preamble: str = ""
    namespace: str = ""


def namespace_of(name: str) -> str:
    """Return the namespace of a full name, two components at most: ``Nat`` for ``Nat.add_comm``."""
    return ".".join(name.split(".")[:-1][:2]) or "(root)"


def first_targets(source: MutantSource, checker: Checker, plan: MutationPlan) -> list[Target]:
    """Return what the plan starts from, in the order of its seed.

    Raises:
        InvalidRequest: no theorem of the import set matches one of the patterns, or the plan's
            statement is not a theorem that Lean accepts.
    """
    own = [] if plan.statement is None else [_own_target(checker, plan, plan.statement)]
    if not plan.patterns:
        return own
    names = source.theorem_names(plan.imports, plan.modules)
    chosen: set[str] = set()
    for pattern in plan.patterns:
        matching = fnmatch.filter(names, pattern)
        if not matching:
            raise InvalidRequest(
                f"no theorem of {', '.join(plan.modules or plan.imports)} matches {pattern!r}",
                field="pattern",
                fix="use a glob over full names, for example 'Nat.*', or import its module",
            )
        chosen.update(matching)
    ordered = sorted(chosen, key=lambda name: order_key(plan.seed, name))[: plan.max_targets]
    part, parts = plan.shard
    library = ordered[part - 1 :: parts]
    return own + [Target(name, namespace=namespace_of(name)) for name in library]


def next_targets(plan: MutationPlan, accepted: Iterable[tuple[VariantRecord, str]]) -> list[Target]:
    """Return the variants that the next round rewrites: few of any lemma, few of any namespace.

    Every variant gets its rank among those of its lemma, and those of one rank their rank within
    their namespace, ties broken by the seed; the lowest ranks are taken.

    Args:
        plan: says how many.
        accepted: the variants of this round, each with the namespace that it descends from.
    """
    known = list(accepted)
    known.sort(key=lambda pair: order_key(plan.seed, pair[0].name))
    by_lemma = _ranked(known, lambda pair: pair[0].lemma)
    by_lemma.sort(key=lambda entry: entry[0])
    spread = _ranked(by_lemma, lambda entry: (entry[0], entry[1][1]))
    spread.sort(key=lambda entry: (entry[1][0], entry[0]))
    chosen = [entry[1][1] for entry in spread[: plan.round_targets]]
    return [Target(variant.name, variant.code + "\n", namespace) for variant, namespace in chosen]


def _ranked(entries: list[_T], group: Callable[[_T], Hashable]) -> list[tuple[int, _T]]:
    """Pair each entry with how many of its group stand before it."""
    seen: Counter[Hashable] = Counter()
    ranked = []
    for entry in entries:
        key = group(entry)
        ranked.append((seen[key], entry))
        seen[key] += 1
    return ranked


def _own_target(checker: Checker, plan: MutationPlan, text: str) -> Target:
    """The last theorem of a user's text, which Lean must accept as a whole."""
    own = last_theorem(text)
    verdict = checker.check(CheckRequest(context=LeanContext(imports=plan.imports), code=text))
    if not isinstance(verdict, Accepted):
        raise InvalidRequest(
            f"Lean does not accept it: {verdict.message}",
            field="statement",
            fix="give a theorem with its proof; variants of an unproved one could not be proved",
        )
    declared = (name for name in verdict.evidence.declarations if names_it(name, own.name))
    name = next(declared, None)
    if name is None:
        raise InvalidRequest(
            f"its last theorem reads as `{own.name}`, which Lean did not declare",
            field="statement",
            fix="give the theorem at the end of the text, outside of macros",
        )
    return Target(name, own.preamble, namespace_of(own.name))
