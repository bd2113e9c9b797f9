"""What a constant rests on: axioms, through types and bodies, as far as bodies are there."""

from dataclasses import dataclass

from .environment import (
    Axiom,
    Constant,
    Constructor,
    Definition,
    Environment,
    Inductive,
    Opaque,
    Recursor,
    Theorem,
)
from .names import Name
from .terms import constants_of

TRUST_COMPILER: Name = ("Lean", "trustCompiler")
_COMPILED = {("Lean", "reduceBool"), ("Lean", "reduceNat")}
"""Opaque constants that Lean's kernel runs as compiled code. This kernel never does."""


@dataclass(frozen=True, slots=True)
class Reached:
    """`hidden`: constants whose body is not there. `came_from`: one user of each that was
    reached."""

    axioms: tuple[Name, ...]
    hidden: int
    came_from: dict[Name, Name]

    def path_to(self, n: Name) -> tuple[Name, ...]:
        """From the constant asked about to `n`, each used by the one before."""
        path = [n]
        while path[-1] in self.came_from:
            path.append(self.came_from[path[-1]])
        return tuple(reversed(path))


def reach(env: Environment, root: Name) -> Reached:
    """Everything that `root` rests on."""
    seen, todo = {root}, [root]
    came_from: dict[Name, Name] = {}
    axioms: list[Name] = []
    hidden = 0
    for n in todo:
        constant = env.get(n)
        if isinstance(constant, Axiom):
            axioms.append(n)
        elif n in _COMPILED:
            axioms.append(TRUST_COMPILER)
        elif isinstance(constant, Definition | Theorem | Opaque) and constant.value is None:
            hidden += 1
        for used in sorted(uses(env, constant), key=repr):
            if used not in seen and env.find(used) is not None:
                seen.add(used)
                came_from[used] = n
                todo.append(used)
    return Reached(tuple(sorted(set(axioms), key=repr)), hidden, came_from)


def uses(env: Environment, constant: Constant) -> frozenset[Name]:
    """Constants in the type and the body of a constant; of a block, in all of it."""
    owner = env.owner(constant.name) or env
    found = owner.used.get(constant.name)
    if found is None:
        found = owner.used[constant.name] = frozenset(_uses(constant))
    return found


def _uses(constant: Constant) -> set[Name]:
    found = constants_of(constant.type)
    if isinstance(constant, Definition | Theorem | Opaque) and constant.value is not None:
        found |= constants_of(constant.value)
    elif isinstance(constant, Inductive):
        found.update(constant.constructors)
    elif isinstance(constant, Constructor):
        found.add(constant.inductive)
    elif isinstance(constant, Recursor):
        found.update(constant.block)
    return found
