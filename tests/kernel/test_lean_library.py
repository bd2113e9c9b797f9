"""Init as the embedded Lean exports it: recursors, bodies, a published proof of `False`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.kernel_library import export_library
from aludel.lean_kernel.api import _check_question, check_proof
from aludel.lean_kernel.budget import Budget, run_deep
from aludel.lean_kernel.declarations import InductiveBlock, add_declaration
from aludel.lean_kernel.environment import (
    Axiom,
    Constant,
    Definition,
    Environment,
    Inductive,
    Recursor,
    Theorem,
)
from aludel.lean_kernel.errors import Declined, Refused
from aludel.lean_kernel.inductive import BlockSpec, TypeSpec
from aludel.lean_kernel.infer import Inference
from aludel.lean_kernel.library import Library
from aludel.lean_kernel.names import Name, append_index, name, show
from aludel.lean_kernel.question import ask
from aludel.lean_kernel.store import Store
from aludel.lean_kernel.tables import write_tables

pytestmark = [pytest.mark.lean, pytest.mark.slow, pytest.mark.timeout(900)]
K3 = (Path(__file__).parent / "k3.json").read_bytes()


@pytest.fixture(scope="module")
def library(lean_checker: LeanChecker) -> Library:
    """The library that judges, exported when the toolchain was installed."""
    return Library(lean_checker.judge.install_library(("Init",)))


@pytest.mark.long
def test_an_export_comes_to_the_same(
    lean_checker: LeanChecker, library: Library, tmp_path: Path
) -> None:
    assert export_library(lean_checker.pool, ("Init",), tmp_path / "init") == library.digest


def blocks(library: Library) -> Iterator[tuple[InductiveBlock, frozenset[Name]]]:
    """Each block of inductive types with what Lean says of it, and the names that it declares."""
    env = library.environment
    for n in library:
        first = env.get(n)
        if not isinstance(first, Inductive) or first.unsafe or first.block[0] != n:
            continue
        types = [t for x in first.block if isinstance(t := env.get(x), Inductive)]
        ctors = [env.get(c) for t in types for c in t.constructors]
        names = [(*t.name, "rec") for t in types]
        names += [append_index((*n, "rec"), i + 1) for i in range(first.num_nested)]
        claims: tuple[Constant, ...] = (*types, *ctors, *[env.get(r) for r in names])
        specs = tuple(
            TypeSpec(t.name, t.type, tuple((c, env.get(c).type) for c in t.constructors))
            for t in types
        )
        spec = BlockSpec(first.params, first.num_params, specs)
        yield InductiveBlock(spec, claims), frozenset(c.name for c in claims)


def without(library: Library, names: frozenset[Name]) -> Environment:
    """The library without some of its constants."""
    base = library.environment
    return Environment(
        Store(Budget(50_000_000), base.store),
        loader=lambda n: None if n in names else base.find(n),
    )


def test_every_recursor_is_as_lean_has_it(library: Library) -> None:
    same, refused = 0, []
    for block, names in blocks(library):
        env = without(library, names)
        try:
            run_deep(lambda e=env, b=block: add_declaration(e, b, e.store.budget))  # type: ignore[misc]
        except Refused as error:
            refused.append((show(block.spec.types[0].name), error.rule))
            continue
        same += sum(isinstance(env.own[n], Recursor) for n in names)
    # a private type that the library mentions and does not hold
    assert refused == [("IO.Promise", "unknown_constant")]
    assert same == 565


def test_bodies_are_of_their_types(library: Library) -> None:
    """A sample; of all 15,321 bodies 14,814 are, 361 mention names that are not there, and 146
    need a body that the export hides."""
    env = library.environment
    found = [env.get(n) for n in library]
    bodies = [c for c in found if isinstance(c, Definition | Theorem) and c.value is not None]
    safe = [c for c in bodies if not c.unsafe and not c.partial]
    sample = random.Random(3).sample(safe, 400)
    failed = [c for c in sample if not run_deep(lambda c=c: _has_its_type(env, c))]  # type: ignore[misc]
    assert len(failed) < 25, [show(c.name) for c in failed]


def _has_its_type(env: Environment, c: Constant) -> bool:
    store = Store(Budget(5_000_000), env.store)
    checker = Inference(env.child(store), store.budget)
    assert c.body is not None
    try:
        checker.check_closed(c.type, c.params)
        return checker.equal(checker.check_closed(c.body, c.params), c.type)
    except (Refused, Declined):
        return False


def test_a_published_proof_of_false(library: Library) -> None:
    """Lean's kernel of 4.28 accepts it: a type whose sort is stuck counts as no proposition."""
    store = Store(Budget())
    false = write_tables([Axiom(name("s"), (), store.const(name("False")))])
    found = check_proof(library, K3, name("t"), false, Budget())
    assert (found.verdict, found.rule) == ("rejected", "sort")
    base = library.environment
    off = Environment(
        base.store, trusted=True, loader=library.constant, off=frozenset({"stuck_sort"})
    )
    question = ask(K3, name("t"), false, library)
    assert run_deep(lambda: _check_question(off, question, Budget())).verdict == "accepted"
