"""Definitional equality, asked of a pair of terms of one type.

In order: the same object; binders part by part; reduction without unfolding; proof irrelevance;
lazy unfolding, the higher definition first; arguments; eta for functions and structures; types
with one value (The Type Theory of Lean, 2.5). Only answers "yes" are kept, by ordered pair:
equality as decided here is not transitive, so nothing is concluded from two answers. "No" means
not shown.
"""

from .budget import Budget
from .environment import Constant, Constructor, Definition, Environment, Inductive
from .levels import Level
from .literals import (
    SUCC_NAME,
    TRUE_NAME,
    ZERO_NAME,
    literal_type,
    reduce_nat,
    text_form,
)
from .names import Name
from .reduce import Reducer
from .terms import App, Const, Free, Lam, Nat, Pi, Proj, Sort, Term, Text, head, spine

Pair = tuple[Term, Term]


class Equality(Reducer):
    """Equality on top of reduction."""

    def __init__(self, env: Environment, budget: Budget, *, native: bool = True) -> None:
        super().__init__(env, budget, native=native)
        self.eager = False
        self._equal: set[Pair] = set()
        self._unequal_arguments: set[Pair] = set()
        self._inferred: dict[Term, Term] = {}
        self._checked: dict[Term, Term] = {}
        self._levels_known: set[tuple[Level, frozenset[Name]]] = set()

    def equal(self, a: Term, b: Term) -> bool:
        """Whether two terms of one type are shown to be definitionally equal."""
        if a is b or (a, b) in self._equal:
            return True
        self.budget.enter()
        found = self._compare(a, b)
        self.budget.depth -= 1
        if found:
            self._equal.add((a, b))
        return found

    def _quick(self, a: Term, b: Term) -> bool | None:
        """What the two heads alone decide. None: undecided."""
        if a is b or (a, b) in self._equal:
            return True
        kind = type(a)
        if kind is not type(b):
            return None
        if kind is Lam or kind is Pi:
            return self._equal_binders(a, b)
        if type(a) is Sort and type(b) is Sort:
            if "levels_equal" in self.off:
                return True
            return self.store.equal(a.level, b.level)
        if kind is Nat or kind is Text:
            return a is b or getattr(a, "value", 0) == getattr(b, "value", 1)
        return None

    def _compare(self, a: Term, b: Term) -> bool:
        quick = self._quick(a, b)
        if quick is not None:
            return quick
        decided = type(b) is Const and b.name == TRUE_NAME and (self.eager or not a.free)
        if decided and self.whnf(a) is b:
            return True
        a1, b1 = self.whnf_core(a, cheap=True), self.whnf_core(b, cheap=True)
        if a1 is not a or b1 is not b:
            quick = self._quick(a1, b1)
            if quick is not None:
                return quick
        irrelevant = self._proof_irrelevance(a1, b1)
        if irrelevant is not None:
            return irrelevant
        unfolded = self._lazy_unfolding(a1, b1)
        if isinstance(unfolded, bool):
            return unfolded
        return self._compare_stuck(*unfolded)

    def _compare_stuck(self, a: Term, b: Term) -> bool:
        """Terms whose heads unfold no more."""
        if self._same_stuck_head(a, b):
            return True
        a1, b1 = self.whnf_core(a), self.whnf_core(b)
        if a1 is not a or b1 is not b:
            return self.equal(a1, b1)
        return (
            self._equal_applications(a, b)
            or self._eta(a, b)
            or self._eta(b, a)
            or self._structure_eta(a, b)
            or self._structure_eta(b, a)
            or self._text_expanded(a, b)
            or self._one_value(a, b)
        )

    def _same_stuck_head(self, a: Term, b: Term) -> bool:
        if type(a) is Const and type(b) is Const:
            return a.name == b.name and self._equal_levels(a, b)
        if type(a) is Proj and type(b) is Proj:
            if a.index != b.index or a.structure != b.structure:
                return False
            return self.equal(a.term, b.term)
        return False

    def _equal_levels(self, a: Const, b: Const) -> bool:
        if len(a.levels) != len(b.levels):
            return False
        if "levels_equal" in self.off:
            return True
        return all(self.store.equal(u, v) for u, v in zip(a.levels, b.levels, strict=True))

    def _equal_binders(self, a: Term, b: Term) -> bool:
        """Two functions, or two function types: types of the variables, then the bodies."""
        kind = type(a)
        number = max(a.free, b.free)
        variables: list[Free] = []
        while isinstance(a, Lam | Pi) and isinstance(b, Lam | Pi) and type(b) is kind:
            if type(a) is not kind:
                break
            type_ = self.store.instantiate(a.type, variables)
            if a.type is not b.type and not self.equal(
                type_, self.store.instantiate(b.type, variables)
            ):
                return False
            variables.append(self.store.free_variable(number + len(variables), type_))
            a, b = a.body, b.body
        return self.equal(
            self.store.instantiate(a, variables), self.store.instantiate(b, variables)
        )

    def _proof_irrelevance(self, a: Term, b: Term) -> bool | None:
        """Two proofs of one proposition are equal. None: `a` is no proof."""
        type_ = self.infer(a)
        if not self.is_proposition(type_):
            return None
        if "irrelevance_type" in self.off:
            return True
        return self.equal(type_, self.infer(b))

    def _lazy_unfolding(self, a: Term, b: Term) -> bool | Pair:
        """Unfolds the higher head until the two agree or neither unfolds."""
        while True:
            self.budget.spend(1)
            offset = self._successors(a, b)
            if offset is not None:
                return offset
            number = self._reduced_number(a, b)
            if number is not None:
                return number
            step = self._unfolding_step(a, b)
            if step is None:
                return (a, b)
            if isinstance(step, bool):
                return step
            a, b = step
            quick = self._quick(a, b)
            if quick is not None:
                return quick

    def _reduced_number(self, a: Term, b: Term) -> bool | None:
        """Arithmetic where both sides are closed; otherwise the arguments may be what agrees."""
        if a.free or b.free:
            return None
        left = reduce_nat(self, a)
        if left is not None:
            return self.equal(left, b)
        right = reduce_nat(self, b)
        return None if right is None else self.equal(a, right)

    def _successors(self, a: Term, b: Term) -> bool | None:
        """A literal against 0 or a successor. Without a literal nothing says these are numbers."""
        if type(a) is not Nat and type(b) is not Nat:
            return None
        if _is_zero(a) and _is_zero(b):
            return True
        before_a, before_b = self._predecessor(a), self._predecessor(b)
        if before_a is None or before_b is None:
            return None
        return self.equal(before_a, before_b)

    def _predecessor(self, t: Term) -> Term | None:
        if type(t) is Nat:
            return self.store.nat(t.value - 1) if t.value else None
        if type(t) is App and type(t.fn) is Const and t.fn.name == SUCC_NAME:
            return t.arg
        return None

    def _unfolding_step(self, a: Term, b: Term) -> bool | Pair | None:
        left, right = self.unfoldable(a), self.unfoldable(b)
        if left is None and right is None:
            return None
        if left is not None and right is not None:
            order = _height(left) - _height(right)
            if order == 0:
                return self._same_height(a, b, left, right)
        else:
            order = 1 if right is None else -1
            other = a if left is None else b
            forced = self._forced_projection(other)
            if forced is not None:
                return (forced, b) if left is None else (a, forced)
        if order > 0 and left is not None:
            return (self.whnf_core(self.unfold(a, left), cheap=True), b)
        if right is None:
            return None
        return (a, self.whnf_core(self.unfold(b, right), cheap=True))

    def _forced_projection(self, t: Term) -> Term | None:
        """A projection at the head, reduced with unfolding of its structure."""
        if type(head(t)) is not Proj:
            return None
        reduced = self.whnf_core(t)
        return None if reduced is t else reduced

    def _same_height(self, a: Term, b: Term, left: Constant, right: Constant) -> bool | Pair:
        if left is right and type(a) is App and type(b) is App:
            pair = (a, b)
            if pair not in self._unequal_arguments:
                if self._equal_applications(a, b):
                    return True
                self._unequal_arguments.add(pair)
        return (
            self.whnf_core(self.unfold(a, left), cheap=True),
            self.whnf_core(self.unfold(b, right), cheap=True),
        )

    def _equal_applications(self, a: Term, b: Term) -> bool:
        if type(a) is not App or type(b) is not App:
            return False
        fn_a, args_a = spine(a)
        fn_b, args_b = spine(b)
        if len(args_a) != len(args_b):
            return False
        if type(fn_a) is Const and type(fn_b) is Const:
            if fn_a.name != fn_b.name or not self._equal_levels(fn_a, fn_b):
                return False
        elif not self.equal(fn_a, fn_b):
            return False
        return all(self.equal(x, y) for x, y in zip(args_a, args_b, strict=True))

    def _eta(self, a: Term, b: Term) -> bool:
        """A function against something of a function type, which is applied to the variable."""
        if type(a) is not Lam or type(b) is Lam:
            return False
        type_ = self.whnf(self.infer(b))
        if type(type_) is not Pi:
            return False
        expanded = self.store.lam(type_.type, self.store.app(b, self.store.bound(0)))
        return self.equal(a, expanded)

    def _structure_eta(self, a: Term, b: Term) -> bool:
        """`b` is the constructor of a structure, applied to the fields of `a`."""
        fn, args = spine(b)
        constructor = self.constant(fn.name) if type(fn) is Const else None
        if type(constructor) is not Constructor:
            return False
        if len(args) != constructor.num_params + constructor.num_fields:
            return False
        inductive = self.constant(constructor.inductive)
        if type(inductive) is not Inductive:
            return False
        if not inductive.is_structure and "structure_eta" not in self.off:
            return False
        if not self.equal(self.infer(a), self.infer(b)):
            return False
        return all(
            self.equal(self.store.proj(inductive.name, i, a), args[constructor.num_params + i])
            for i in range(constructor.num_fields)
        )

    def _one_value(self, a: Term, b: Term) -> bool:
        """A structure without fields has one value."""
        type_ = self.whnf(self.infer(a))
        fn = head(type_)
        inductive = self.constant(fn.name) if type(fn) is Const else None
        if type(inductive) is not Inductive or not inductive.is_structure:
            return False
        constructor = self.constant(inductive.constructors[0])
        if type(constructor) is not Constructor:
            return False
        if constructor.num_fields and "unit_like" not in self.off:
            return False
        return self.equal(type_, self.infer(b))

    def _text_expanded(self, a: Term, b: Term) -> bool:
        """A literal text against a term that is none."""
        if type(a) is Text and type(b) is not Text and _is_app(b):
            literal_type(self, a)
            return self.equal(text_form(self, a), b)
        if type(b) is Text and type(a) is not Text and _is_app(a):
            literal_type(self, b)
            return self.equal(a, text_form(self, b))
        return False


def _is_app(t: Term) -> bool:
    return type(t) is App


def _is_zero(t: Term) -> bool:
    if type(t) is Nat:
        return t.value == 0
    return type(t) is Const and t.name == ZERO_NAME


def _height(constant: Constant) -> int:
    """The order of unfolding: theorems last, abbreviations (-2) first."""
    if type(constant) is Definition:
        return 1 << 40 if constant.height == -2 else constant.height
    return -1
