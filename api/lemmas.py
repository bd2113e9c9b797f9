"""``POST /v1/lemmas/search``: lemmas by symbols, pattern, name, words, or for a goal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from aludel.api.auth import Submitter
from aludel.api.examples import SEARCH_EXAMPLES
from aludel.api.service import ServiceDep, ensure_unicode, of_this_process
from aludel.api.text import StrictRoute
from aludel.lemma_search import LemmaSearch, LemmasFound

router = APIRouter(route_class=StrictRoute, prefix="/v1/lemmas", tags=["lemmas"])


@router.post("/search")
def search_lemmas(
    service: ServiceDep,
    caller: Submitter,
    body: Annotated[LemmaSearch, Body(openapi_examples=SEARCH_EXAMPLES)],
) -> LemmasFound:
    """Find lemmas that meet every criterion given, the best first.

    When a budget runs out, `complete` is false: there may be others, or better ones.
    """
    ensure_unicode(body)
    lemmas = of_this_process(service.lemmas, "searches ask")
    return lemmas.search(caller.key, body)
