"""Routes of the corpus: pages of variants, their lineage, and counts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from aludel.api.auth import Reader
from aludel.api.service import ServiceDep
from aludel.api.text import StrictRoute
from aludel.http_models import MAX_PAGE
from aludel.models import Model
from aludel.records import VariantRecord
from aludel.store.corpus_view import CorpusCounts, Lineage

_MAX_CURSOR = 2**31 - 1

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["corpus"])


class VariantPage(Model):
    """A page of variants, in the order in which they were recorded."""

    variants: tuple[VariantRecord, ...]
    next_cursor: int | None


@router.get("/variants")
def list_variants(
    service: ServiceDep,
    _caller: Reader,
    cursor: Annotated[
        int, Query(ge=0, le=_MAX_CURSOR, description="`next_cursor` of the page before")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> VariantPage:
    """Return a page of the accepted variants of all jobs."""
    found = service.store.variants.page(cursor, limit)
    full = len(found) == limit
    records = tuple(record for _, record in found)
    return VariantPage(variants=records, next_cursor=found[-1][0] if full else None)


@router.get("/lineage")
def get_lineage(
    service: ServiceDep,
    _caller: Reader,
    name: Annotated[str, Query(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")],
) -> Lineage:
    """Return a theorem with its ancestors and the variants made of it."""
    return service.store.view.lineage(name)


@router.get("/corpus")
def get_corpus(service: ServiceDep, _caller: Reader) -> CorpusCounts:
    """Return how many verdicts, theorems and variants there are, of which kind."""
    return service.store.view.counts()
