"""Options of commands as typed objects, and the options that say what proposes proofs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

import click
from pydantic import ValidationError

from aludel.attempts import AttemptOptions, SearchBudget
from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio, Sampling
from aludel.models import MAX_WALL_S, Budget, Policy

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]


def gathered(parameter: str, kind: type[Any], *options: Option[Any]) -> Option[Any]:
    """Add options to a command, which gets them as one object.

    Args:
        parameter: of the command, which gets the object.
        kind: a dataclass with a field for each option.
        options: in the order of the help.
    """

    def decorate(command: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(command)
        def called(*positional: object, **given: object) -> object:
            own = {field.name: given.pop(field.name) for field in fields(kind)}
            return command(*positional, **given, **{parameter: kind(**own)})

        return functools.reduce(lambda made, option: option(made), reversed(options), called)

    return decorate


def policy_of(
    second_kernel: Literal["require", "sample", "off"], forbidden: tuple[str, ...]
) -> Policy:
    """Return the policy that ``--second-kernel`` and ``--forbid`` name.

    Raises:
        InvalidRequest: there are too many patterns, or one is too long.
    """
    try:
        return Policy(second_kernel=second_kernel, forbidden=forbidden)
    except ValidationError as error:
        raise InvalidRequest(
            error.errors()[0]["msg"], field="--forbid", fix="name fewer constants, or a glob"
        ) from error


forbid_option = click.option(
    "--forbid",
    "forbidden",
    metavar="PATTERN",
    multiple=True,
    help="What a proof may not use: a name, a glob such as 'Nat.add_*', 'self' for the asked "
    "theorem, or after:NAME; may be given several times (Lean).",
)


def listed(text: str) -> tuple[str, ...]:
    """Return what stands between the commas of an option's value, blanks left out."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def budget_of(timeout: float) -> Budget:
    """Return the budget of a check that ``--timeout`` names, in wall seconds.

    Raises:
        InvalidRequest: it is not a number of seconds within the limits.
    """
    try:
        return Budget(wall_s=timeout)
    except ValidationError as error:
        raise InvalidRequest(
            f"{timeout:g} is not a number of seconds above 0 and up to {MAX_WALL_S:g}",
            field="--timeout",
            fix="give a positive number of seconds",
        ) from error


@dataclass(frozen=True, slots=True)
class GeneratorOptions:
    """Options of generator and attempts, one field each."""

    generator: Literal["portfolio", "openai", "transformers"]
    search: Literal["sample", "best_first"]
    samples: int
    repairs: int
    seed: int
    premises: int
    tactics: int
    seconds: float
    allow_self: bool
    url: str
    model: str
    temperature: float
    max_tokens: int | None
    prompt_price: float
    completion_price: float
    key: str

    def spec(self) -> GeneratorSpec:
        """Return the generator that the options name.

        Raises:
            InvalidRequest: an option that it needs is missing.
        """
        if self.generator == "portfolio":
            return Portfolio()
        needed = {"--url": self.url, "--model": self.model}
        for option in needed if self.generator == "openai" else ("--model",):
            if not needed[option]:
                raise InvalidRequest(
                    f"{self.generator} needs it", field=option, fix="see aludel attempts run --help"
                )
        sampling = Sampling(temperature=self.temperature)
        if self.max_tokens:
            sampling = sampling.model_copy(update={"max_tokens": self.max_tokens})
        if self.generator == "transformers":
            return LocalModel(model=self.model, sampling=sampling)
        return Endpoint(
            url=self.url,
            model=self.model,
            sampling=sampling,
            prompt_price=self.prompt_price,
            completion_price=self.completion_price,
        )

    def attempt_options(self) -> AttemptOptions:
        """Return how the options say that problems are attempted."""
        return AttemptOptions(
            search=self.search,
            samples=self.samples,
            repairs=self.repairs,
            seed=self.seed,
            premises=self.premises,
            allow_self=self.allow_self,
            budget=SearchBudget(tactics=self.tactics, seconds=self.seconds),
        )


generator_options = gathered(
    "generation",
    GeneratorOptions,
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
    click.option(
        "--allow-self",
        is_flag=True,
        help="Let a theorem that the library holds be proved by itself (Lean).",
    ),
    click.option("--url", default="", help="Endpoint, up to and with /v1."),
    click.option("--model", default="", help="Its name at the endpoint, or folder or hub name."),
    click.option("--temperature", default=1.0, show_default=True),
    click.option("--max-tokens", type=click.IntRange(1), default=None, help="Tokens of an answer."),
    click.option("--prompt-price", default=0.0, help="Price of a million prompt tokens."),
    click.option("--completion-price", default=0.0, help="Price of a million completion tokens."),
    click.option("--key", envvar="OPENAI_API_KEY", default="", help="Key of the endpoint. [env]"),
)
"""The options of the commands that attempt theorems, as their parameter ``generation``."""
