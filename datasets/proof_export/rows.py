"""Row types: one frozen model per recipe is the source of the columns, the schemas and the card.

The Arrow schema is fixed by the model, never guessed from the data, so that every shard of every
export of a recipe has the same columns.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from aludel.models import Model

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


class Row(Model):
    """Base of the rows: immutable, finite numbers only (JSON has no NaN), integers of 64 bits."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Column:
    """One column as a reader sees it."""

    name: str
    type: str
    nullable: bool
    description: str


def as_text(number: str) -> str:
    """Return a number that is a name as readers keep it: pandas makes 64 bits of digits a float.

    A letter is put before it; the empty name stays.
    """
    return f"h{number}" if number else ""


def arrow_schema(row: type[Row]) -> pa.Schema:
    """Return the Arrow schema of a row model: one column per field, in the model's order."""
    return pa.schema([_arrow_field(name, row) for name in row.model_fields])


def columns(row: type[Row]) -> list[Column]:
    """Describe the columns of a row model, for the card and the reference."""
    return [
        Column(
            name=field.name,
            type=_shown(field.type),
            nullable=field.nullable,
            description=row.model_fields[field.name].description or "",
        )
        for field in arrow_schema(row)
    ]


def nested(row: type[Row]) -> tuple[str, ...]:
    """Return the columns of a row model whose values hold models."""
    schema = arrow_schema(row)
    return tuple(f.name for f in schema if "struct" in str(f.type))


def _shown(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_shown(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}: {_shown(field.type)}" for field in kind) + "}"
    return str(kind)


def _arrow_field(name: str, row: type[BaseModel]) -> pa.Field:
    annotation = row.model_fields[name].annotation
    options = set(get_args(annotation)) if _is_union(annotation) else {annotation}
    nullable = types.NoneType in options
    (base,) = options - {types.NoneType}
    return pa.field(name, _arrow_type(base), nullable=nullable)


def _is_union(annotation: object) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _arrow_type(annotation: Any) -> pa.DataType:  # noqa: ANN401 - any annotation
    origin = get_origin(annotation)
    if origin is Annotated:
        return _arrow_type(get_args(annotation)[0])
    if origin is tuple:
        return pa.list_(pa.field("element", _arrow_type(get_args(annotation)[0]), nullable=False))
    if origin is Literal or (isinstance(annotation, type) and issubclass(annotation, Enum)):
        return pa.string()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct([_arrow_field(name, annotation) for name in annotation.model_fields])
    return {str: pa.string, bool: pa.bool_, int: pa.int64, float: pa.float64}[annotation]()
