"""Models that clients of a service may name, as the operator allows.

An address that a client may choose would let it reach whatever the worker reaches, and a folder
would be opened on the worker's machine. A key goes to the endpoint it belongs to, and is read where
it is used: it is in no request, no row and no log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import assert_never

from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio
from aludel.settings import Settings

_WITH_VARIABLE = re.compile(r"(.+)=([A-Za-z_][A-Za-z0-9_]*)")


def ensure_permitted(spec: GeneratorSpec, settings: Settings) -> None:
    """Refuse a generator that the operator has not permitted.

    Raises:
        InvalidRequest: ``spec`` names another endpoint or model; ``field`` names which.
    """
    if isinstance(spec, Endpoint):
        _ensure(_plain(spec.url), list(_endpoints(settings)), "url", "ALUDEL_ENDPOINTS")
    elif isinstance(spec, LocalModel):
        # A revision is other weights, and may be other code: the operator's choice as well.
        named = spec.model if spec.revision is None else f"{spec.model}@{spec.revision}"
        _ensure(named, settings.models.split(), "model", "ALUDEL_MODELS")
    elif not isinstance(spec, Portfolio):
        assert_never(spec)  # a kind that nobody thought of here is not permitted


def key_of(spec: GeneratorSpec, settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the key of a permitted generator's endpoint from ``environ``; empty if it needs none.

    Raises:
        InvalidRequest: the generator is not permitted, or its variable is not set.
    """
    ensure_permitted(spec, settings)
    if not isinstance(spec, Endpoint):
        return ""
    variable = _endpoints(settings)[_plain(spec.url)]
    if variable and not environ.get(variable):
        raise InvalidRequest(
            f"the worker has no key of {spec.url}",
            field="generator.url",
            fix=f"its operator sets {variable}",
        )
    return environ[variable] if variable else ""


def _endpoints(settings: Settings) -> dict[str, str]:
    """Return the variable of each endpoint; empty if it needs no key."""
    found = {}
    for word in settings.endpoints.split():
        match = _WITH_VARIABLE.fullmatch(word)
        url, variable = (match[1], match[2]) if match else (word, "")
        found[_plain(url)] = variable
    return found


def _plain(url: str) -> str:
    return url.rstrip("/")


def _ensure(named: str, permitted: list[str], field: str, variable: str) -> None:
    if named in permitted:
        return
    use = "use one of: " + ", ".join(sorted(permitted)) if permitted else "use the portfolio"
    raise InvalidRequest(
        f"this service does not permit {named!r}",
        field=f"generator.{field}",
        fix=f"{use}, or ask its operator to add it to {variable}",
    )
