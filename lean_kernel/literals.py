"""Literals: numbers that stand for `Nat.succ (... Nat.zero)`, texts for a list of characters.

Arithmetic on literal numbers is done at once for the constants of `OPERATIONS`, and only for
those whose name and type are the library's and that satisfy the equations by which the operation
is defined (checked here with that arithmetic off). A constant of a trusted library whose
equations need an induction, or whose body is hidden, is taken by name and type. Elsewhere it is
unfolded like any other.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from .budget import MAX_DIVISION_BITS, MAX_NAT_BITS
from .environment import Constructor, Definition, Inductive, Opaque
from .errors import OutOfBudget, Refused
from .names import Name
from .same import same_terms
from .store import Store
from .terms import App, Const, Nat, Term, Text

if TYPE_CHECKING:
    from .environment import Environment
    from .reduce import Reducer

NAT: Name = ("Nat",)
ZERO_NAME: Name = ("Nat", "zero")
SUCC_NAME: Name = ("Nat", "succ")
TRUE_NAME: Name = ("Bool", "true")
FALSE_NAME: Name = ("Bool", "false")
STRING: Name = ("String",)
MAX_EXPONENT = 1 << 24


def _small(*values: int) -> None:
    if any(v.bit_length() > MAX_DIVISION_BITS for v in values):
        raise OutOfBudget("bits of a division")


def _div(a: int, b: int) -> int:
    _small(a, b)
    return a // b if b else 0


def _mod(a: int, b: int) -> int:
    _small(a, b)
    return a % b if b else a


def _gcd(a: int, b: int) -> int:
    _small(a, b)
    return math.gcd(a, b)


def _pow(a: int, b: int) -> int:
    if b > MAX_EXPONENT or a.bit_length() * b > MAX_NAT_BITS:
        raise OutOfBudget("bits of a power")
    return int(a**b)


def _shift_left(a: int, b: int) -> int:
    if b > MAX_EXPONENT or a.bit_length() + b > MAX_NAT_BITS:
        raise OutOfBudget("bits of a shift")
    return a << b


def _mul(a: int, b: int) -> int:
    if a.bit_length() + b.bit_length() > MAX_DIVISION_BITS * 4:
        raise OutOfBudget("bits of a product")
    return a * b


OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: max(a - b, 0),
    "mul": _mul,
    "div": _div,
    "mod": _mod,
    "gcd": _gcd,
    "pow": _pow,
    "land": lambda a, b: a & b,
    "lor": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "shiftLeft": _shift_left,
    "shiftRight": lambda a, b: a >> min(b, MAX_NAT_BITS + 1),
}

COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "beq": lambda a, b: a == b,
    "ble": lambda a, b: a <= b,
}


def log2(a: int) -> int:
    """The position of the highest bit; 0 for 0."""
    return max(a.bit_length() - 1, 0)


def nat_successor_form(r: "Reducer", literal: Nat) -> Term:
    """`Nat.zero`, or `Nat.succ` of the literal before."""
    if literal.value == 0:
        return r.store.const(ZERO_NAME)
    return r.store.app(r.store.const(SUCC_NAME), r.store.nat(literal.value - 1))


def text_form(r: "Reducer", literal: Text) -> Term:
    """The library's constructor function on the list of characters.

    Raises:
        Refused: the environment has no such function.
    """
    s = r.store
    string = r.env.find(STRING)
    made: Name = ("String", "ofList")
    if type(string) is Inductive and string.constructors == (("String", "mk"),):
        made = ("String", "mk")
    char = s.const(("Char",))
    items = s.app(s.const(("List", "nil"), (s.zero,)), char)
    cons = s.app(s.const(("List", "cons"), (s.zero,)), char)
    r.budget.spend(len(literal.value))
    for c in reversed(literal.value):
        items = s.apps(cons, [s.app(s.const(("Char", "ofNat")), s.nat(ord(c))), items])
    return s.app(s.const(made), items)


def nat_is_nat(r: "Reducer") -> bool:
    """Whether `Nat` is the type with the constructors zero and successor."""
    env, s = r.env, r.store
    nat = s.const(NAT)
    found = env.find(NAT)
    if type(found) is not Inductive or found.constructors != (ZERO_NAME, SUCC_NAME):
        return False
    zero, succ = env.find(ZERO_NAME), env.find(SUCC_NAME)
    return (
        not found.params
        and same_terms(s, found.type, s.sort(s.one))
        and type(zero) is Constructor
        and same_terms(s, zero.type, nat)
        and type(succ) is Constructor
        and same_terms(s, succ.type, s.pi(nat, nat))
    )


def bool_is_bool(env: "Environment") -> bool:
    """Whether `Bool` is the type of `false` and `true`."""
    found = env.find(("Bool",))
    if type(found) is not Inductive or found.params:
        return False
    return found.constructors == (FALSE_NAME, TRUE_NAME)


def literal_type(r: "Reducer", literal: Nat | Text) -> Term:
    """`Nat` or `String`.

    Raises:
        Refused: the environment's own type of that name is another.
    """
    if type(literal) is Nat:
        if not _known(r, "Nat", nat_is_nat):
            raise Refused("literal", "Nat is not the natural numbers")
        return r.store.const(NAT)
    if not _known(r, "String", _text_has_type):
        raise Refused("literal", "String cannot be made of a list of characters")
    return r.store.const(STRING)


def _text_has_type(r: "Reducer") -> bool:
    sample, string = r.store.text("a"), r.store.const(STRING)
    if type(sample) is not Text or r.env.find(STRING) is None:
        return False
    depth = r.budget.depth
    try:
        return r.equal(r.check(text_form(r, sample)), string)
    except Refused:
        r.budget.depth = depth
        return False


def _known(r: "Reducer", fact: str, find: Callable[["Reducer"], bool]) -> bool:
    """A fact of the environment, looked for until it holds."""
    facts = r.env.facts
    if not facts.get(fact):
        facts[fact] = find(r.apart())
    return facts[fact]


def reduce_nat(r: "Reducer", t: Term) -> Term | None:
    """The literal that an operation on literals gives, where `t` is such."""
    if type(t) is not App or t.free or not r.native:
        return None
    fn = t.fn
    if type(fn) is App and type(fn.fn) is Const:
        return _binary(r, fn.fn.name, fn.arg, t.arg)
    if type(fn) is not Const or len(fn.name) != 2 or fn.name[0] != "Nat":
        return None
    if fn.name == SUCC_NAME or fn.name == ("Nat", "log2"):
        value = _literal(r, t.arg)
        if value is None or not operation_holds(r, str(fn.name[1])):
            return None
        return r.store.nat(value + 1 if fn.name == SUCC_NAME else log2(value))
    return None


def _binary(r: "Reducer", n: Name, left: Term, right: Term) -> Term | None:
    if len(n) != 2 or n[0] != "Nat" or (n[1] not in OPERATIONS and n[1] not in COMPARISONS):
        return None
    word = str(n[1])
    if not operation_holds(r, word):
        return None
    a = _literal(r, left)
    b = None if a is None else _literal(r, right)
    if a is None or b is None:
        return None
    r.budget.spend(1 + (a.bit_length() + b.bit_length() >> 4))
    if word in COMPARISONS:
        return r.store.const(TRUE_NAME if COMPARISONS[word](a, b) else FALSE_NAME)
    return r.store.nat(OPERATIONS[word](a, b))


def _literal(r: "Reducer", t: Term) -> int | None:
    t = r.whnf(t)
    if type(t) is Nat:
        return t.value
    return 0 if type(t) is Const and t.name == ZERO_NAME else None


def operation_holds(r: "Reducer", word: str) -> bool:
    """Whether the environment's `Nat.<word>` is the operation of that name."""
    facts = r.env.facts
    fact = f"Nat.{word}"
    if fact not in facts:
        held = _operation_holds(r.apart(), word)
        if held is None:
            return False
        facts[fact] = held
    return facts[fact]


def _operation_holds(r: "Reducer", word: str) -> bool | None:
    """None: not yet, some constant is not there."""
    env = r.env
    if not _known(r, "Nat", nat_is_nat):
        return None
    if word == "succ":
        return True
    n: Name = ("Nat", word)
    constant = env.find(n)
    if constant is None:
        return None
    if not same_terms(env.store, constant.type, _operation_type(env.store, word)):
        return False
    if word in COMPARISONS and not bool_is_bool(env):
        return False
    if "nat_equations" in r.off:
        return True
    owner = env.owner(n)
    trusted = owner is not None and owner.trusted
    if type(constant) is not Definition and not (trusted and type(constant) is not Opaque):
        return False
    if trusted and (constant.body is None or word not in _EQUATIONS):
        return True
    return word in _EQUATIONS and _equations_hold(r, word)


def _operation_type(s: Store, word: str) -> Term:
    nat = s.const(NAT)
    result = s.const(("Bool",)) if word in COMPARISONS else nat
    one = s.pi(nat, result)
    return one if word == "log2" else s.pi(nat, one)


Sides = tuple[Term, Term]


def _equations_hold(r: "Reducer", word: str) -> bool:
    needed = {"mul": "add", "pow": "mul", "shiftLeft": "mul", "shiftRight": "div"}.get(word)
    if needed and not operation_holds(r, needed):
        return False
    depth = r.budget.depth
    sides = _EQUATIONS[word](r.store)
    try:
        typed = all(r.equal(r.check(a), r.check(b)) for a, b in sides)
    except Refused:
        r.budget.depth = depth
        return False
    return typed and all(r.equal(a, b) for a, b in sides)


class _Words:
    """Shorthand for building equations over two variables."""

    def __init__(self, s: Store) -> None:
        self.s = s
        nat = s.const(NAT)
        self.x = s.free_variable(0, nat)
        self.y = s.free_variable(1, nat)
        self.zero = s.const(ZERO_NAME)
        self.true, self.false = s.const(TRUE_NAME), s.const(FALSE_NAME)

    def succ(self, a: Term) -> Term:
        return self.s.app(self.s.const(SUCC_NAME), a)

    def op(self, word: str, *args: Term) -> Term:
        return self.s.apps(self.s.const(("Nat", word)), args)


def _add(s: Store) -> list[Sides]:
    w = _Words(s)
    return [
        (w.op("add", w.x, w.zero), w.x),
        (w.op("add", w.x, w.succ(w.y)), w.succ(w.op("add", w.x, w.y))),
    ]


def _sub(s: Store) -> list[Sides]:
    w = _Words(s)
    return [
        (w.op("sub", w.x, w.zero), w.x),
        (w.op("sub", w.x, w.succ(w.y)), w.op("pred", w.op("sub", w.x, w.y))),
        (w.op("pred", w.zero), w.zero),
        (w.op("pred", w.succ(w.x)), w.x),
    ]


def _times(s: Store) -> list[Sides]:
    w = _Words(s)
    return [
        (w.op("mul", w.x, w.zero), w.zero),
        (w.op("mul", w.x, w.succ(w.y)), w.op("add", w.op("mul", w.x, w.y), w.x)),
    ]


def _power(s: Store) -> list[Sides]:
    w = _Words(s)
    return [
        (w.op("pow", w.x, w.zero), w.succ(w.zero)),
        (w.op("pow", w.x, w.succ(w.y)), w.op("mul", w.op("pow", w.x, w.y), w.x)),
    ]


def _comparison(word: str, zero_zero: bool, zero_succ: bool) -> Callable[[Store], list[Sides]]:
    def build(s: Store) -> list[Sides]:
        w = _Words(s)
        truth = {True: w.true, False: w.false}
        return [
            (w.op(word, w.zero, w.zero), truth[zero_zero]),
            (w.op(word, w.zero, w.succ(w.y)), truth[zero_succ]),
            (w.op(word, w.succ(w.x), w.zero), w.false),
            (w.op(word, w.succ(w.x), w.succ(w.y)), w.op(word, w.x, w.y)),
        ]

    return build


def _left_shift(s: Store) -> list[Sides]:
    w = _Words(s)
    doubled = w.op("mul", w.succ(w.succ(w.zero)), w.x)
    return [
        (w.op("shiftLeft", w.x, w.zero), w.x),
        (w.op("shiftLeft", w.x, w.succ(w.y)), w.op("shiftLeft", doubled, w.y)),
    ]


def _right_shift(s: Store) -> list[Sides]:
    w = _Words(s)
    half = w.op("div", w.op("shiftRight", w.x, w.y), w.succ(w.succ(w.zero)))
    return [
        (w.op("shiftRight", w.x, w.zero), w.x),
        (w.op("shiftRight", w.x, w.succ(w.y)), half),
    ]


_EQUATIONS: dict[str, Callable[[Store], list[Sides]]] = {
    "add": _add,
    "sub": _sub,
    "mul": _times,
    "pow": _power,
    "beq": _comparison("beq", True, False),
    "ble": _comparison("ble", True, True),
    "shiftLeft": _left_shift,
    "shiftRight": _right_shift,
}
