"""Weak head normal form: beta, local definitions, projections, recursors, quotients, definitions.

`whnf_core` unfolds no definition at the head; `whnf` unfolds until nothing moves. Arguments of a
recursor, a projection or a quotient's `lift` are reduced as far as needed (The Type Theory of Lean,
2.3 and 2.6).
"""

from abc import ABC, abstractmethod

from .budget import Budget
from .environment import (
    Constant,
    Constructor,
    Definition,
    Environment,
    Inductive,
    Opaque,
    Quotient,
    Recursor,
    Rule,
    Theorem,
)
from .errors import OutOfBudget
from .literals import nat_successor_form, reduce_nat, text_form
from .names import Name
from .quotient import reduce_quotient
from .terms import App, Const, Lam, Let, Nat, Proj, Term, Text, head, spine


class Reducer(ABC):
    """What one check knows: an environment, a budget, and answers found so far.

    Every answer depends on its terms alone, so keeping it cannot change another.
    """

    def __init__(self, env: Environment, budget: Budget, *, native: bool = True) -> None:
        self.env = env
        self.store = env.store
        self.budget = budget
        self.native = native
        self.off = env.off
        self._core: dict[Term, Term] = {}
        self._whnf: dict[Term, Term] = {}
        self._bodies: dict[Const, Term | None] = {}
        self._constants: dict[Name, Constant | None] = {}

    @abstractmethod
    def infer(self, t: Term) -> Term:
        """The type of a term that is known to have one."""

    @abstractmethod
    def check(self, t: Term) -> Term:
        """The type of a term; raises `Refused` where it has none."""

    @abstractmethod
    def equal(self, a: Term, b: Term) -> bool:
        """Whether two terms of one type are shown to be definitionally equal."""

    @abstractmethod
    def is_proposition(self, type_: Term) -> bool:
        """Whether a type is a proposition."""

    @abstractmethod
    def apart(self) -> "Reducer":
        """A checker without arithmetic on literals, for facts about the environment.

        Where there is a library below, it looks at that alone and costs no steps: what one check
        finds out serves the next one, whose steps must not depend on it.
        """

    def constant(self, n: Name) -> Constant | None:
        """The constant of that name."""
        try:
            return self._constants[n]
        except KeyError:
            found = self.env.find(n)
            if found is not None:
                self._constants[n] = found
            return found

    def whnf_core(self, t: Term, cheap: bool = False) -> Term:
        """Head normal form without unfolding definitions at the head.

        `cheap`: a projection's structure is not unfolded either.
        """
        kind = type(t)
        if kind is not App and kind is not Proj and kind is not Let:
            return t
        if not cheap:
            found = self._core.get(t)
            if found is not None:
                return found
        self.budget.enter()
        current: Term | None = t
        result = t
        while current is not None:
            result = current
            current = self._core_step(current, cheap)
        self.budget.depth -= 1
        if not cheap:
            self._core[t] = result
        return result

    def _core_step(self, t: Term, cheap: bool) -> Term | None:
        self.budget.left -= 1
        if self.budget.left < 0:
            raise OutOfBudget("steps")
        kind = type(t)
        if kind is App:
            fn, args = spine(t)
            if type(fn) is Lam:
                return self.beta(fn, args)
            if type(fn) is Const:
                return self._const_step(fn, args)
            reduced = self._core_step(fn, cheap)
            return None if reduced is None else self.store.apps(reduced, args)
        if type(t) is Let:
            return self._open_lets(t)
        if type(t) is Proj:
            return self._project(t, cheap)
        return None

    def _open_lets(self, t: Term) -> Term:
        values: list[Term] = []
        while type(t) is Let:
            values.append(self.store.instantiate(t.value, values))
            t = t.body
        return self.store.instantiate(t, values)

    def beta(self, fn: Term, args: list[Term]) -> Term:
        """`fn` applied, with as many of its leading binders as there are arguments used up."""
        used = 0
        while type(fn) is Lam and used < len(args):
            fn = fn.body
            used += 1
        return self.store.apps(self.store.instantiate(fn, args[:used]), args[used:])

    def _const_step(self, fn: Const, args: list[Term]) -> Term | None:
        constant = self.constant(fn.name)
        if type(constant) is Recursor:
            return self._recurse(constant, fn, args)
        if type(constant) is Quotient:
            return reduce_quotient(self, constant, args)
        return None

    def _project(self, t: Proj, cheap: bool) -> Term | None:
        value = self.whnf_core(t.term, cheap=True) if cheap else self.whnf(t.term)
        if type(value) is Text:
            value = self.whnf(text_form(self, value))
        fn, args = spine(value)
        if type(fn) is not Const:
            return None
        constructor = self.constant(fn.name)
        if type(constructor) is not Constructor or constructor.inductive != t.structure:
            return None
        place = constructor.num_params + t.index
        return args[place] if place < len(args) else None

    def _recurse(self, rec: Recursor, fn: Const, args: list[Term]) -> Term | None:
        if len(args) <= rec.major:
            return None
        major = args[rec.major]
        if rec.k:
            major = self._as_only_constructor(rec, major) or major
        major = self.whnf(major)
        if type(major) is Nat:
            major = nat_successor_form(self, major)
        elif type(major) is Text:
            major = self.whnf(text_form(self, major))
        else:
            major = self._as_structure(rec.inductive, major)
        fields_head, major_args = spine(major)
        rule = _rule_for(rec, fields_head)
        if rule is None or len(major_args) < rule.num_fields:
            return None
        value = self.env.at_levels(rec, fn.levels, rule.value)
        first = args[: rec.num_params + rec.num_motives + rec.num_minors]
        fields = major_args[len(major_args) - rule.num_fields :]
        rest = args[rec.major + 1 :]
        return self.beta(value, first + fields + rest)

    def _as_only_constructor(self, rec: Recursor, major: Term) -> Term | None:
        """K: a proof of a proposition whose one constructor has no fields is that constructor.

        Only where the constructor has the type that the proof has.
        """
        type_ = self.whnf(self.infer(major))
        fn, args = spine(type_)
        if type(fn) is not Const or fn.name != rec.inductive:
            return None
        inductive = self.constant(fn.name)
        if type(inductive) is not Inductive or not inductive.constructors:
            return None
        constructor = self.store.const(inductive.constructors[0], fn.levels)
        made = self.store.apps(constructor, args[: rec.num_params])
        if "k_type" not in self.off and not self.equal(type_, self.infer(made)):
            return None
        return made

    def _as_structure(self, inductive: Name, major: Term) -> Term:
        """Eta: a value of a structure that is no proposition is the constructor of its fields."""
        constant = self.constant(inductive)
        if type(constant) is not Inductive or not constant.is_structure:
            return major
        fn = head(major)
        if type(fn) is Const and type(self.constant(fn.name)) is Constructor:
            return major
        type_ = self.whnf(self.infer(major))
        type_head, params = spine(type_)
        if type(type_head) is not Const or type_head.name != inductive:
            return major
        if self.is_proposition(type_):
            return major
        return self.expand_structure(constant, type_head, params, major)

    def expand_structure(
        self, inductive: Inductive, type_head: Const, params: list[Term], value: Term
    ) -> Term:
        """The constructor applied to the projections of `value`."""
        constructor = self.constant(inductive.constructors[0])
        if type(constructor) is not Constructor:
            return value
        made = self.store.const(constructor.name, type_head.levels)
        fields = [self.store.proj(inductive.name, i, value) for i in range(constructor.num_fields)]
        return self.store.apps(made, params[: constructor.num_params] + fields)

    def unfoldable(self, t: Term) -> Constant | None:
        """The definition or theorem at the head, where it has a body."""
        fn = head(t)
        if type(fn) is not Const:
            return None
        constant = self.constant(fn.name)
        if (type(constant) is Definition or type(constant) is Theorem) and constant.value:
            return constant
        if constant is not None and "opaque" in self.off:
            return constant if _hidden_body(constant) else None
        return None

    def unfold(self, t: Term, constant: Constant) -> Term:
        """`t` with the constant at its head exchanged for its body."""
        fn, args = spine(t)
        if type(fn) is not Const:
            raise TypeError("no constant to unfold")
        body = self._bodies.get(fn)
        if body is None:
            value = constant.body or _hidden_body(constant) or t
            body = self._bodies[fn] = self.env.at_levels(constant, fn.levels, value)
        return self.beta(body, args)

    def whnf(self, t: Term) -> Term:
        """Weak head normal form."""
        kind = type(t)
        if kind is not App and kind is not Proj and kind is not Let and kind is not Const:
            return t
        found = self._whnf.get(t)
        if found is not None:
            return found
        self.budget.enter()
        current = t
        while True:
            current = self.whnf_core(current)
            number = reduce_nat(self, current)
            if number is not None:
                current = number
                break
            constant = self.unfoldable(current)
            if constant is None:
                break
            current = self.unfold(current, constant)
        self.budget.depth -= 1
        self._whnf[t] = current
        return current


def _hidden_body(constant: Constant) -> Term | None:
    """The value of an opaque constant. Only tests that switch a rule off come here."""
    return constant.value if type(constant) is Opaque else None


def _rule_for(rec: Recursor, fn: Term) -> Rule | None:
    if type(fn) is not Const:
        return None
    for rule in rec.rules:
        if rule.constructor == fn.name:
            return rule
    return None
