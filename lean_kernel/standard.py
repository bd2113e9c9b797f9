"""The three axioms of Lean's library, told by their statements and not by their names alone."""

from collections.abc import Callable

from .environment import Axiom, Constructor, Environment, Inductive, Quotient
from .errors import Refused
from .levels import Level
from .names import Name, name
from .quotient import ROLES, check_equality
from .same import same_terms
from .store import Store
from .terms import Term

PROPEXT, CHOICE, SOUND = name("propext"), name("Classical.choice"), name("Quot.sound")
STANDARD = (PROPEXT, CHOICE, SOUND)


def is_standard(env: Environment, n: Name) -> bool:
    """Whether the constant is the library's axiom of that name, about the library's own types."""
    make = {PROPEXT: _propext, CHOICE: _choice, SOUND: _sound}.get(n)
    found = env.find(n)
    if make is None or type(found) is not Axiom:
        return False
    expected = make(env, tuple(env.store.param(p) for p in found.params))
    return expected is not None and same_terms(env.store, found.type, expected)


def _propext(env: Environment, levels: tuple[Level, ...]) -> Term | None:
    s = env.store
    iff, prop = s.const(name("Iff")), s.prop
    forth, back = s.pi(s.bound(1), s.bound(1)), s.pi(s.bound(1), s.bound(3))
    intro = s.pi(prop, s.pi(prop, s.pi(forth, s.pi(back, s.apps(iff, [s.bound(3), s.bound(2)])))))
    intro_type = lambda _: intro  # noqa: E731
    if levels or not _is_type(env, "Iff", 2, lambda _: s.pi(prop, s.pi(prop, prop)), intro_type):
        return None
    eq = _equality(env)
    if eq is None:
        return None
    same = s.apps(s.const(eq, (s.one,)), [prop, s.bound(2), s.bound(1)])
    given = s.apps(iff, [s.bound(1), s.bound(0)])
    return s.pi(prop, s.pi(prop, s.pi(given, same)))


def _choice(env: Environment, levels: tuple[Level, ...]) -> Term | None:
    s = env.store

    def type_of(u: Level) -> Term:
        return s.pi(s.sort(u), s.prop)

    def intro(u: Level) -> Term:
        made = s.app(s.const(name("Nonempty"), (u,)), s.bound(1))
        return s.pi(s.sort(u), s.pi(s.bound(0), made))

    if len(levels) != 1 or not _is_type(env, "Nonempty", 1, type_of, intro):
        return None
    given = s.app(s.const(name("Nonempty"), levels), s.bound(0))
    return s.pi(s.sort(levels[0]), s.pi(given, s.bound(1)))


def _sound(env: Environment, levels: tuple[Level, ...]) -> Term | None:
    s, b = env.store, env.store.bound
    eq = _equality(env)
    if len(levels) != 1 or eq is None:
        return None
    if any(type(env.find(n)) is not Quotient for n in ROLES.values()):
        return None
    relation = s.pi(b(0), s.pi(b(1), s.prop))
    quot, make = s.const(name("Quot"), levels), s.const(name("Quot.mk"), levels)
    sides = [s.apps(make, [b(4), b(3), b(i)]) for i in (2, 1)]
    same = s.apps(s.const(eq, levels), [s.apps(quot, [b(4), b(3)]), *sides])
    related = s.apps(b(2), [b(1), b(0)])
    return s.pi(s.sort(levels[0]), s.pi(relation, s.pi(b(1), s.pi(b(2), s.pi(related, same)))))


def _equality(env: Environment) -> Name | None:
    try:
        check_equality(env)
    except Refused:
        return None
    return name("Eq")


def _is_type(
    env: Environment,
    n: str,
    params: int,
    type_of: Callable[[Level], Term],
    constructor: Callable[[Level], Term],
) -> bool:
    """Whether the environment's type is one with a single constructor of the expected type."""
    store: Store = env.store
    found = env.find(name(n))
    if type(found) is not Inductive or found.num_params != params or len(found.params) > 1:
        return False
    level = store.param(found.params[0]) if found.params else store.zero
    made = env.find(found.constructors[0]) if len(found.constructors) == 1 else None
    return (
        type(made) is Constructor
        and same_terms(store, found.type, type_of(level))
        and same_terms(store, made.type, constructor(level))
    )
