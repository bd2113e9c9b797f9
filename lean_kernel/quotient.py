"""Quotients: the types of `Quot`, `Quot.mk`, `Quot.lift`, `Quot.ind`, and their reduction.

`lift f h (mk r a)` is `f a`, and `ind p (mk r a)` is `p a`. The types are built here and compared
with what is declared; `Eq` must be the equality that they speak of.
"""

from typing import TYPE_CHECKING

from .environment import Constructor, Environment, Inductive, Quotient
from .errors import Refused
from .names import Name
from .store import Store
from .terms import Const, Term, spine

if TYPE_CHECKING:
    from .reduce import Reducer

ROLES: dict[str, Name] = {
    "type": ("Quot",),
    "ctor": ("Quot", "mk"),
    "lift": ("Quot", "lift"),
    "ind": ("Quot", "ind"),
}
_U, _V = ("u",), ("v",)


def reduce_quotient(r: "Reducer", constant: Quotient, args: list[Term]) -> Term | None:
    """One step of `lift` or `ind`, where the value is a `mk`."""
    place = {"lift": 5, "ind": 4}.get(constant.role)
    if place is None or len(args) <= place:
        return None
    fn, made = spine(r.whnf(args[place]))
    if type(fn) is not Const or len(made) != 3:
        return None
    maker = r.constant(fn.name)
    if type(maker) is not Quotient or maker.role != "ctor":
        return None
    return r.store.apps(args[3], [made[2], *args[place + 1 :]])


def quotient_types(s: Store) -> dict[str, tuple[tuple[Name, ...], Term]]:
    """By role: universe parameters and type."""
    u, v = s.param(_U), s.param(_V)
    b = s.bound
    relation = s.pi(b(0), s.pi(b(1), s.prop))  # over α
    sort_u = s.sort(u)
    quot = s.const(ROLES["type"], (u,))
    make = s.const(ROLES["ctor"], (u,))
    eq = s.const(("Eq",), (v,))
    # α r β f a b h ⊢ f a = f b
    same = s.apps(eq, [b(4), s.app(b(3), b(2)), s.app(b(3), b(1))])
    respects = s.pi(b(3), s.pi(b(4), s.pi(s.apps(b(4), [b(1), b(0)]), same)))
    lift_end = s.pi(s.apps(quot, [b(4), b(3)]), b(3))
    lift = s.pi(
        sort_u,
        s.pi(relation, s.pi(s.sort(v), s.pi(s.pi(b(2), b(1)), s.pi(respects, lift_end)))),
    )
    motive = s.pi(s.apps(quot, [b(1), b(0)]), s.prop)
    each = s.pi(b(2), s.app(b(1), s.apps(make, [b(3), b(2), b(0)])))
    ind_end = s.pi(s.apps(quot, [b(3), b(2)]), s.app(b(2), b(0)))
    ind = s.pi(sort_u, s.pi(relation, s.pi(motive, s.pi(each, ind_end))))
    ctor = s.pi(sort_u, s.pi(relation, s.pi(b(1), s.apps(quot, [b(2), b(1)]))))
    return {
        "type": ((_U,), s.pi(sort_u, s.pi(relation, sort_u))),
        "ctor": ((_U,), ctor),
        "lift": ((_U, _V), lift),
        "ind": ((_U,), ind),
    }


def check_equality(env: Environment) -> None:
    """`Eq` and `Eq.refl` must be what the type of `Quot.lift` takes them for.

    Raises:
        Refused: they are something else, or absent.
    """
    s = env.store
    eq = env.find(("Eq",))
    if type(eq) is not Inductive or len(eq.params) != 1 or len(eq.constructors) != 1:
        raise Refused("quotient", "Eq is not the inductive equality")
    u = s.param(eq.params[0])
    expected = s.pi(s.sort(u), s.pi(s.bound(0), s.pi(s.bound(1), s.prop)))
    refl = env.find(eq.constructors[0])
    refl_type = s.pi(
        s.sort(u),
        s.pi(
            s.bound(0),
            s.apps(s.const(("Eq",), (u,)), [s.bound(1), s.bound(0), s.bound(0)]),
        ),
    )
    if eq.type is not expected or type(refl) is not Constructor or refl.type is not refl_type:
        raise Refused("quotient", "Eq is not the inductive equality")


def make_quotient(env: Environment, role: str, n: Name) -> Quotient:
    """The quotient constant of a role.

    Raises:
        Refused: the role or its name is unknown.
    """
    if ROLES.get(role) != n:
        raise Refused("quotient", "a quotient constant by another name")
    params, type_ = quotient_types(env.store)[role]
    return Quotient(n, params, type_, role=role)
