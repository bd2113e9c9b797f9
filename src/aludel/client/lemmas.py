"""Search for lemmas over HTTP: ``Client.search_lemmas``."""

from __future__ import annotations

from aludel.client.transport import Call, Flow, fetch
from aludel.lemma_search import LemmaSearch, LemmasFound

_SLACK_S = 600.0  # the index of the imports may still have to be made


def search_lemmas(asked: LemmaSearch) -> Flow[LemmasFound]:
    """Find lemmas."""
    body = asked.model_dump(mode="json")
    return fetch(
        LemmasFound,
        Call("POST", "/v1/lemmas/search", json=body, read_s=asked.wall_s + _SLACK_S),
    )
