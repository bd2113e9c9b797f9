"""Constants by name: what was checked, on top of what is trusted.

An environment with a parent sees the parent's constants and never changes them. A library is an
environment that loads its constants when they are asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from .budget import Budget
from .errors import Refused
from .levels import Level
from .names import Name, show
from .store import Store
from .terms import Const, Term, subterms


@dataclass(frozen=True, slots=True)
class Constant:
    """A name with universe parameters and a type. As it stands: an axiom, or a type only."""

    name: Name
    params: tuple[Name, ...]
    type: Term
    unsafe: bool = False
    partial: bool = False

    @property
    def body(self) -> Term | None:
        """What the constant may be exchanged for, where it may be."""
        return None


@dataclass(frozen=True, slots=True)
class Axiom(Constant):
    """Assumed."""


@dataclass(frozen=True, slots=True)
class Opaque(Constant):
    """Has a value that no reduction ever looks at; `value` is None where the library hides it."""

    value: Term | None = None


@dataclass(frozen=True, slots=True)
class Definition(Constant):
    """Unfolds to its value.

    `height` orders the unfolding: -1 last, -2 first, else one more than the largest height of a
    constant of the value.
    """

    value: Term | None = None
    height: int = -1

    @property
    def body(self) -> Term | None:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Theorem(Constant):
    """Unfolds to its proof, after everything else."""

    value: Term | None = None

    @property
    def body(self) -> Term | None:
        """The proof."""
        return self.value


@dataclass(frozen=True, slots=True)
class Quotient(Constant):
    """One of `Quot`, `Quot.mk`, `Quot.lift` and `Quot.ind`."""

    role: str = "type"


@dataclass(frozen=True, slots=True)
class Inductive(Constant):
    """A type given by its constructors. `block` are the types declared with it."""

    num_params: int = 0
    num_indices: int = 0
    block: tuple[Name, ...] = ()
    constructors: tuple[Name, ...] = ()
    is_recursive: bool = False
    num_nested: int = 0

    @property
    def is_structure(self) -> bool:
        """Whether eta holds: one constructor, no indices, not recursive."""
        return len(self.constructors) == 1 and not self.num_indices and not self.is_recursive


@dataclass(frozen=True, slots=True)
class Constructor(Constant):
    """A constructor of `inductive`."""

    inductive: Name = ()
    index: int = 0
    num_params: int = 0
    num_fields: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What a recursor gives on a constructor: a function of parameters, motives, minors, fields."""

    constructor: Name
    num_fields: int
    value: Term


@dataclass(frozen=True, slots=True)
class Recursor(Constant):
    """The eliminator of `inductive`."""

    inductive: Name = ()
    block: tuple[Name, ...] = ()
    num_params: int = 0
    num_indices: int = 0
    num_motives: int = 0
    num_minors: int = 0
    rules: tuple[Rule, ...] = ()
    k: bool = False

    @property
    def major(self) -> int:
        """The position of the argument that is looked at."""
        return self.num_params + self.num_motives + self.num_minors + self.num_indices


NO_RULES_OFF: frozenset[str] = frozenset()


@dataclass(slots=True)
class Environment:
    """Constants over a parent's.

    `trusted`: a library taken as it is, whose hidden bodies count as checked. `off`: rules switched
    off, for tests that show that each one bites; nothing outside the tests sets it.
    """

    store: Store
    parent: "Environment | None" = None
    trusted: bool = False
    loader: Callable[[Name], Constant | None] | None = None
    off: frozenset[str] = NO_RULES_OFF
    own: dict[Name, Constant] = field(default_factory=dict)
    facts: dict[str, bool] = field(default_factory=dict)
    used: dict[Name, frozenset[Name]] = field(default_factory=dict)
    library: "Environment | None" = None
    """The trusted environment below, or this one."""
    small: frozenset[Level] = frozenset()
    """Of a library: the levels 0 to 3, at which its terms are kept from one check to the next."""
    instances: dict[tuple[object, ...], Term] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.trusted:
            self.library = self
            self.small = frozenset(self.store.number(i) for i in range(4))
        elif self.parent is not None:
            self.library = self.parent.library
        if self.library is not None:
            self.facts = self.library.facts

    def child(self, store: Store) -> "Environment":
        """An empty environment over this one, which declares none of this one's names."""
        return Environment(store, self, off=self.off)

    def find(self, n: Name) -> Constant | None:
        """The constant of that name."""
        found = self.own.get(n)
        if found is not None:
            return found
        if self.loader is not None:
            found = self.loader(n)
            if found is not None:
                self.own[n] = found
                return found
        return self.parent.find(n) if self.parent is not None else None

    def get(self, n: Name) -> Constant:
        """The constant of that name.

        Raises:
            Refused: there is none.
        """
        found = self.find(n)
        if found is None:
            raise Refused("unknown_constant", show(n))
        return found

    def owner(self, n: Name) -> "Environment | None":
        """The environment, this one or one below, that holds the name itself."""
        env: Environment | None = self
        while env is not None and (n not in env.own and not (env.loader and env.loader(n))):
            env = env.parent
        return env

    def add(self, constant: Constant) -> None:
        """A checked constant.

        Raises:
            Refused: the name is taken.
        """
        if self.find(constant.name) is not None and "name_taken" not in self.off:
            raise Refused("name_taken", show(constant.name))
        self.own[constant.name] = constant

    def set(self, constant: Constant) -> None:
        """Puts a constant in the place of one of the same name."""
        self.own[constant.name] = constant

    def height(self, value: Term, budget: Budget) -> int:
        """One more than the largest height of a constant that occurs in a value."""
        best = 0
        parts = subterms(value)
        budget.spend(len(parts))
        for term in parts:
            if type(term) is Const:
                constant = self.find(term.name)
                if type(constant) is Definition:
                    best = max(best, constant.height)
        return best + 1

    def at_levels(self, constant: Constant, levels: tuple[Level, ...], term: Term) -> Term:
        """A term of a constant (its type, its body, a rule) at levels.

        Raises:
            Refused: there are more or fewer levels than parameters.
        """
        values = self.level_values(constant, levels)
        if not term.params:
            return term
        library = self.library
        if library is None or not library.small.issuperset(levels):
            return self.store.at_levels(term, values)
        if library.own.get(constant.name) is not constant:
            return self.store.at_levels(term, values)
        # two constants may share a term and order their parameters differently
        key = (constant.params, term, levels)
        found = library.instances.get(key)
        if found is None:
            found = library.instances[key] = library.store.at_levels(term, values)
        return found

    def level_values(self, constant: Constant, levels: tuple[Level, ...]) -> dict[Name, Level]:
        """The levels by parameter.

        Raises:
            Refused: there are more or fewer than parameters.
        """
        if len(constant.params) != len(levels) and "level_count" not in self.off:
            message = (
                f"{show(constant.name)} takes {len(constant.params)} levels, not {len(levels)}"
            )
            raise Refused("level_count", message)
        return dict(zip(constant.params, levels, strict="level_count" not in self.off))
