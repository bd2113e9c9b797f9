"""The options that say what proposes proofs, shared by the commands that attempt theorems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from aludel.attempts import AttemptOptions, SearchBudget
from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio, Sampling

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--generator",
        type=click.Choice(["portfolio", "openai", "transformers"]),
        default="portfolio",
        show_default=True,
        help="Standard tactics, a model behind an endpoint, or a model in this process.",
    ),
    click.option(
        "--search",
        type=click.Choice(["sample", "best_first"]),
        default="sample",
        show_default=True,
        help="Whole proofs, or a search over tactics.",
    ),
    click.option("--samples", default=8, show_default=True, help="Whole proofs for each problem."),
    click.option(
        "--repairs", default=0, show_default=True, help="Rounds of mending refused proofs."
    ),
    click.option("--seed", default=0, show_default=True),
    click.option(
        "--premises",
        type=click.IntRange(0, 64),
        default=0,
        show_default=True,
        help="Lemmas to retrieve for each problem, or for each state of a search.",
    ),
    click.option("--tactics", default=300, show_default=True, help="Budget of a search: tactics."),
    click.option("--seconds", default=60.0, show_default=True, help="Budget of a search: seconds."),
    click.option("--url", default="", help="Endpoint, up to and with /v1."),
    click.option("--model", default="", help="Its name at the endpoint, or folder or hub name."),
    click.option("--temperature", default=1.0, show_default=True),
    click.option("--max-tokens", type=click.IntRange(1), default=None, help="Tokens of an answer."),
    click.option("--prompt-price", default=0.0, help="Price of a million prompt tokens."),
    click.option("--completion-price", default=0.0, help="Price of a million completion tokens."),
    click.option("--key", envvar="OPENAI_API_KEY", default="", help="Key of the endpoint. [env]"),
)


def generator_options(function: F) -> F:
    """Add the options to a command; :func:`spec_of` and :func:`attempt_options` read them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def spec_of(options: dict[str, Any]) -> GeneratorSpec:
    """Return the generator that the options name.

    Raises:
        InvalidRequest: an option that it needs is missing.
    """
    kind = options["generator"]
    if kind == "portfolio":
        return Portfolio()
    for field in ("url", "model") if kind == "openai" else ("model",):
        if not options[field]:
            raise InvalidRequest(
                f"{kind} needs it", field=f"--{field}", fix="see aludel attempts run --help"
            )
    sampling = Sampling(temperature=options["temperature"])
    if options["max_tokens"]:
        sampling = sampling.model_copy(update={"max_tokens": options["max_tokens"]})
    if kind == "transformers":
        return LocalModel(model=options["model"], sampling=sampling)
    return Endpoint(
        url=options["url"],
        model=options["model"],
        sampling=sampling,
        prompt_price=options["prompt_price"],
        completion_price=options["completion_price"],
    )


def attempt_options(options: dict[str, Any]) -> AttemptOptions:
    """Return how the options say that problems are attempted."""
    budget = SearchBudget(tactics=options["tactics"], seconds=options["seconds"])
    names = ("search", "samples", "repairs", "seed", "premises")
    return AttemptOptions(budget=budget, **{name: options[name] for name in names})
