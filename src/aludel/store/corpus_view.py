"""Views of the corpus: pages of variants, lineage, and counts."""

from __future__ import annotations

from pydantic import Field
from sqlalchemy import Connection, func, select

from aludel.errors import NotFound
from aludel.models import Model
from aludel.store.database import Database
from aludel.store.tables import TheoremRow, VariantParentRow, VariantRow, VerdictRow

MAX_NODES = 200
_TOP = 12


class Node(Model):
    """A theorem in a lineage: a variant, or (``round`` 0) one of a library."""

    name: str
    round: int = 0
    statement: str | None = None


class Edge(Model):
    """``child`` was made of ``parent``, which was rewritten (``target``) or used (``lemma``)."""

    parent: str
    child: str
    role: str


class Lineage(Model):
    """A theorem with its ancestors and its children; ``complete`` unless there are too many."""

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool = True


class CorpusCounts(Model):
    """Counts of the records; the lemmas are those used most."""

    variants: int
    theorems: int
    verdicts: dict[str, int] = Field(description="by kind")
    reasons: dict[str, int] = Field(description="of rejections")
    rules: dict[str, int] = Field(description="variants by operation")
    rounds: dict[str, int] = Field(description="variants by round")
    lemmas: dict[str, int] = Field(description="variants by lemma")


class CorpusView:
    """Read-only views of what the corpus holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self) -> CorpusCounts:
        """Count; takes time in proportion to the number of rows.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            return CorpusCounts(
                variants=connection.scalar(select(func.count()).select_from(VariantRow)) or 0,
                theorems=connection.scalar(select(func.count()).select_from(TheoremRow)) or 0,
                verdicts=_by(connection, VerdictRow.kind),
                reasons=_by(connection, VerdictRow.reason),
                rules=_by(connection, VariantRow.rule),
                rounds=_by(connection, VariantRow.round),
                lemmas=_by(connection, VariantRow.lemma),
            )

    def lineage(self, name: str) -> Lineage:
        """Return where a theorem comes from and what was made of it.

        Raises:
            NotFound: it is neither a variant nor a parent of one.
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            edges, complete = _ancestry(connection, name)
            children, all_children = _edges(connection, VariantParentRow.parent, {name})
            edges |= children
            names = {name} | {e.parent for e in edges} | {e.child for e in edges}
            known = _nodes(connection, names)
        if not edges and name not in known:
            raise NotFound(f"no theorem of the corpus is called {name!r}", field="name")
        nodes = [known.get(n) or Node(name=n) for n in sorted(names)]
        ordered = sorted(edges, key=lambda edge: (edge.child, edge.role, edge.parent))
        return Lineage(
            name=name,
            nodes=tuple(nodes),
            edges=tuple(ordered),
            complete=complete and all_children,
        )


def _by(connection: Connection, column: object) -> dict[str, int]:
    number = func.count()
    query = select(column, number).where(column.is_not(None)).group_by(column)  # type: ignore[call-overload,attr-defined]
    rows = connection.execute(query.order_by(number.desc(), column).limit(_TOP))
    return {str(value): count for value, count in rows}


def _ancestry(connection: Connection, name: str) -> tuple[set[Edge], bool]:
    """Return the edges above a theorem, nearest first, until there are too many."""
    found: set[Edge] = set()
    seen, front = {name}, {name}
    while front:
        edges, complete = _edges(connection, VariantRow.name, front)
        found |= edges
        front = {edge.parent for edge in edges} - seen
        seen |= front
        if not complete or len(seen) > MAX_NODES:
            return found, False
    return found, True


def _edges(connection: Connection, column: object, names: set[str]) -> tuple[set[Edge], bool]:
    query = (
        select(VariantParentRow.parent, VariantRow.name, VariantParentRow.ordinal)
        .join(VariantRow, VariantRow.id == VariantParentRow.variant_id)
        .where(column.in_(names), VariantParentRow.ordinal <= 1)  # type: ignore[attr-defined]
        .order_by(VariantRow.id, VariantParentRow.ordinal)
        .limit(MAX_NODES + 1)
    )
    rows = connection.execute(query).all()
    roles = ("target", "lemma")
    edges = {Edge(parent=p, child=c, role=roles[n]) for p, c, n in rows[:MAX_NODES]}
    return edges, len(rows) <= MAX_NODES


def _nodes(connection: Connection, names: set[str]) -> dict[str, Node]:
    variants = select(VariantRow.name, VariantRow.round, VariantRow.statement)
    rows = connection.execute(variants.where(VariantRow.name.in_(names)))
    known = {
        row.name: Node(name=row.name, round=row.round, statement=row.statement) for row in rows
    }
    missing = names - known.keys()
    theorems = select(TheoremRow.name, TheoremRow.statement).where(TheoremRow.name.in_(missing))
    for row in connection.execute(theorems):
        known.setdefault(row.name, Node(name=row.name, statement=row.statement))
    return known
