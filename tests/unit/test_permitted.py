"""Which models clients may name, and which key goes where."""

from __future__ import annotations

import pytest

from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, LocalModel, Portfolio
from aludel.permitted import ensure_permitted, key_of
from aludel.settings import Settings

ENDPOINT = Endpoint(url="http://models:8000/v1", model="m")


def test_models_are_the_operators_choice() -> None:
    for spec, field in ((ENDPOINT, "url"), (LocalModel(model="/etc"), "model")):
        with pytest.raises(InvalidRequest) as caught:
            ensure_permitted(spec, Settings())
        assert caught.value.field == f"generator.{field}"
    ensure_permitted(Portfolio(), Settings())
    chosen = Settings(endpoints="http://models:8000/v1/ https://x/v1=X_KEY", models="/m/a hub/b")
    ensure_permitted(ENDPOINT, chosen)
    ensure_permitted(LocalModel(model="hub/b"), chosen)
    other = ENDPOINT.model_copy(update={"url": "http://models:8000/v1/../admin"})
    with pytest.raises(InvalidRequest, match="does not permit") as caught:
        ensure_permitted(other, chosen)
    assert "https://x/v1" in (caught.value.fix or "") and "X_KEY" not in str(caught.value)


def test_a_revision_is_other_weights_and_the_operators_choice_too() -> None:
    chosen = Settings(models="hub/b hub/c@v2")
    ensure_permitted(LocalModel(model="hub/b"), chosen)
    ensure_permitted(LocalModel(model="hub/c", revision="v2"), chosen)
    for model, revision in (("hub/b", "main"), ("hub/c", None), ("hub/c", "v3")):
        with pytest.raises(InvalidRequest, match="does not permit") as caught:
            ensure_permitted(LocalModel(model=model, revision=revision), chosen)
        assert caught.value.field == "generator.model"


def test_each_endpoint_gets_its_own_key() -> None:
    chosen = Settings(endpoints="http://models:8000/v1 https://x/v1=X_KEY")
    environ = {"X_KEY": "secret"}
    assert key_of(ENDPOINT, chosen, environ) == ""
    other = Endpoint(url="https://x/v1", model="m")
    assert key_of(other, chosen, environ) == "secret"
    with pytest.raises(InvalidRequest, match="has no key") as caught:
        key_of(other, chosen, {})
    assert "X_KEY" in (caught.value.fix or "")
