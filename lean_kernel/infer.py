"""Types of terms, with and without checking (The Type Theory of Lean, 2.1: the typing rules).

`check` demands every rule. `infer` takes the term for typed and only finds the type; it is used
on terms that were checked, and on what reduction makes of them.
"""

from .budget import Budget
from .environment import Constructor, Inductive
from .equal import Equality
from .errors import Malformed, NotShownEqual, Refused
from .levels import Level, parameters_of
from .literals import literal_type
from .names import Name, show
from .store import Store
from .terms import App, Const, Free, Lam, Let, Nat, Pi, Proj, Sort, Term, Text, spine

EAGER: Name = ("eagerReduce",)


class Inference(Equality):
    """Typing rules on top of reduction and equality."""

    _params: frozenset[Name] | None = None
    _allow_unsafe = False

    def apart(self) -> "Inference":
        """A checker without arithmetic on literals, for facts about the environment."""
        library = self.env.library
        if library is None:
            return type(self)(self.env, self.budget, native=False)
        budget = Budget(1 << 62, self.budget.max_depth)
        env = library.child(Store(budget, library.store))
        return type(self)(env, budget, native=False)

    def infer(self, t: Term) -> Term:
        """The type of a term that is known to have one."""
        found = self._inferred.get(t)
        if found is None:
            found = self._checked.get(t)
        if found is None:
            found = self._inferred[t] = self._type(t, check=False)
        return found

    def check(self, t: Term) -> Term:
        """The type of a term.

        Raises:
            Refused: the term has none.
        """
        found = self._checked.get(t)
        if found is None:
            found = self._checked[t] = self._type(t, check=True)
        return found

    def check_closed(self, t: Term, params: tuple[Name, ...], *, unsafe: bool = False) -> Term:
        """The type of a closed term whose universe parameters are among `params`."""
        if (t.loose or t.free) and "closed" not in self.off:
            raise Malformed("closed", "a variable that nothing binds")
        self._params, self._allow_unsafe = frozenset(params), unsafe
        try:
            return self.check(t)
        finally:
            self._params, self._allow_unsafe = None, False

    def check_open(self, t: Term, params: frozenset[Name]) -> Term:
        """The type of a term that may have free variables."""
        self._params = params
        try:
            return self.check(t)
        finally:
            self._params = None

    def check_type(self, t: Term) -> Level:
        """The level of a type; the term is checked."""
        return self.sort_of(self.check(t))

    def sort_of(self, type_of_type: Term) -> Level:
        """The level of a term that must reduce to a sort.

        Raises:
            Refused: it does not.
        """
        if type(type_of_type) is Sort:
            return type_of_type.level
        reduced = self.whnf(type_of_type)
        if type(reduced) is not Sort:
            raise Refused("sort", f"a type was expected, its own type is {brief(reduced)}")
        return reduced.level

    def is_proposition(self, type_: Term) -> bool:
        """Whether a type is a proposition: its own type reduces to a sort, whose level is 0.

        Raises:
            Refused: its type reduces to no sort.
        """
        if "stuck_sort" in self.off:
            reduced = self.whnf(self.infer(type_))
            return type(reduced) is Sort and self.store.is_zero(reduced.level)
        level = self.sort_of(self.infer(type_))
        if "semantic_zero" in self.off:
            return level is self.store.zero
        return self.store.is_zero(level)

    def _type(self, t: Term, *, check: bool) -> Term:
        self.budget.enter()
        kind = type(t)
        if kind is App:
            found = self._type_of_application(t, check)
        elif type(t) is Const:
            found = self._type_of_constant(t, check)
        elif type(t) is Lam:
            found = self._type_of_function(t, check)
        elif type(t) is Pi:
            found = self._type_of_function_type(t, check)
        elif type(t) is Let:
            found = self._type_of_let(t, check)
        elif type(t) is Proj:
            found = self._type_of_projection(t, check)
        else:
            found = self._type_of_leaf(t, check)
        self.budget.depth -= 1
        return found

    def _type_of_leaf(self, t: Term, check: bool) -> Term:
        if type(t) is Free:
            return t.type
        if type(t) is Sort:
            if check:
                self._check_level(t.level)
            return self.store.sort(self.store.succ(t.level))
        if type(t) is Nat or type(t) is Text:
            return literal_type(self, t)
        raise Malformed("closed", "a variable that nothing binds")

    def _check_level(self, level: Level) -> None:
        if not level.has_param or self._params is None or "level_params" in self.off:
            return
        if (level, self._params) in self._levels_known:
            return
        for n in parameters_of(level):
            if n not in self._params:
                raise Refused("level_params", f"universe parameter {show(n)} is not declared")
        self._levels_known.add((level, self._params))

    def _type_of_constant(self, t: Const, check: bool) -> Term:
        constant = self.env.get(t.name) if check else self.constant(t.name)
        if constant is None:
            raise Refused("unknown_constant", show(t.name))
        type_ = self.env.at_levels(constant, t.levels, constant.type)
        if check:
            for u in t.levels:
                self._check_level(u)
            is_unsafe = constant.unsafe or constant.partial
            if is_unsafe and not self._allow_unsafe and "unsafe" not in self.off:
                raise Refused("unsafe", f"{show(t.name)} is unsafe or partial")
        return type_

    def _type_of_application(self, t: Term, check: bool) -> Term:
        fn, args = spine(t)
        type_ = self.check(fn) if check else self.infer(fn)
        used = 0
        for i, arg in enumerate(args):
            if type(type_) is not Pi:
                type_ = self.whnf(self.store.instantiate(type_, args[used:i]))
                used = i
                if type(type_) is not Pi:
                    raise Refused("function", f"{brief(fn)} is applied to too many arguments")
            if check:
                expected = self.store.instantiate(type_.type, args[used:i])
                self._check_argument(arg, expected)
            type_ = type_.body
        return self.store.instantiate(type_, args[used:])

    def _check_argument(self, arg: Term, expected: Term) -> None:
        found = self.check(arg)
        if found is expected:
            return
        fn, args = spine(arg)
        eager = self.eager
        self.eager = type(fn) is Const and fn.name == EAGER and len(args) == 2
        same = self.equal(found, expected)
        self.eager = eager
        if not same and "argument_type" not in self.off:
            raise NotShownEqual("argument_type", f"{brief(found)} is not {brief(expected)}")

    def _type_of_function(self, t: Term, check: bool) -> Term:
        variables: list[Free] = []
        number = t.free
        while type(t) is Lam:
            type_ = self.store.instantiate(t.type, variables)
            if check:
                self.check_type(type_)
            variables.append(self.store.free_variable(number + len(variables), type_))
            t = t.body
        body = self.store.instantiate(t, variables)
        result = self.check(body) if check else self.infer(body)
        return self.store.bind(self.store.pi, variables, result)

    def _type_of_function_type(self, t: Term, check: bool) -> Term:
        levels: list[Level] = []
        variables: list[Free] = []
        number = t.free
        while type(t) is Pi:
            type_ = self.store.instantiate(t.type, variables)
            of_type = self.check(type_) if check else self.infer(type_)
            levels.append(self.sort_of(of_type))
            variables.append(self.store.free_variable(number + len(variables), type_))
            t = t.body
        result = self.store.instantiate(t, variables)
        level = self.sort_of(self.check(result) if check else self.infer(result))
        for u in reversed(levels):
            level = self.store.imax_of(u, level)
        return self.store.sort(level)

    def _type_of_let(self, t: Term, check: bool) -> Term:
        values: list[Term] = []
        while type(t) is Let:
            value = self.store.instantiate(t.value, values)
            if check:
                type_ = self.store.instantiate(t.type, values)
                self.check_type(type_)
                if not self.equal(self.check(value), type_) and "let_type" not in self.off:
                    raise NotShownEqual("let_type", f"the value is not of type {brief(type_)}")
            values.append(value)
            t = t.body
        body = self.store.instantiate(t, values)
        return self.check(body) if check else self.infer(body)

    def _type_of_projection(self, t: Proj, check: bool) -> Term:
        type_ = self.whnf(self.check(t.term) if check else self.infer(t.term))
        fn, args = spine(type_)
        inductive = self.constant(fn.name) if type(fn) is Const else None
        if type(inductive) is not Inductive or type(fn) is not Const:
            raise Refused("projection", f"{brief(type_)} is no structure")
        if inductive.name != t.structure and "projection_name" not in self.off:
            raise Refused("projection", f"{show(t.structure)} is not {show(inductive.name)}")
        arity = inductive.num_params + inductive.num_indices
        if len(inductive.constructors) != 1 or len(args) != arity:
            raise Refused("projection", f"{show(inductive.name)} is no structure")
        constructor = self.constant(inductive.constructors[0])
        if type(constructor) is not Constructor or not 0 <= t.index < constructor.num_fields:
            raise Refused("projection", f"{show(inductive.name)} has no field {t.index}")
        made = self.env.at_levels(constructor, fn.levels, constructor.type)
        return self._field_type(t, type_, made, args[: inductive.num_params])

    def _field_type(self, t: Proj, type_: Term, made: Term, params: list[Term]) -> Term:
        """The type of a field. A proposition gives out proofs only, and those before any data that
        a later field depends on."""
        guarded = self.is_proposition(type_) and "prop_projection" not in self.off
        values = list(params)
        for i in range(len(params) + t.index + 1):
            if type(made) is not Pi:
                raise Refused("projection", "the constructor has fewer fields than it should")
            if i >= len(params):
                last = i == len(params) + t.index
                domain = self.store.instantiate(made.type, values)
                depends = made.body.loose > 0 and _uses_first(made.body, self.budget)
                if guarded and (last or depends) and not self.is_proposition(domain):
                    raise Refused("prop_projection", "data out of a proposition")
                if last:
                    return domain
                values.append(self.store.proj(t.structure, i - len(params), t.term))
            made = made.body
        raise Refused("projection", "no such field")


def _uses_first(body: Term, budget: Budget) -> bool:
    """Whether the variable of the binder just above occurs in `body`."""
    done: set[tuple[Term, int]] = set()
    todo = [(body, 0)]
    while todo:
        budget.spend(1)
        t, k = todo.pop()
        if t.loose <= k or (t, k) in done:
            continue
        done.add((t, k))
        parts = t.parts()
        if not parts and t.loose == k + 1:
            return True
        inner = len(parts) - 1 if type(t) in (Lam, Pi, Let) else len(parts)
        todo.extend((p, k + (i == inner)) for i, p in enumerate(parts))
    return False


def brief(t: Term) -> str:
    """A short text for a message."""
    fn, args = spine(t)
    text = repr(fn) if not fn.parts() else type(fn).__name__
    return f"{text} applied to {len(args)}" if args else text
