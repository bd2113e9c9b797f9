"""Specifications of generators as data, shared by command line, API and workers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from aludel.models import Model


class Sampling(Model):
    """Sampling settings; None leaves one to the endpoint, or to the model's own.

    Attributes:
        per_call: samples asked for in one call (``n``); 1 for endpoints without ``n``.
        stop: strings that end a sample.
        logprobs: whether to ask for log probabilities, which order the tactics of a search.
    """

    temperature: float | None = Field(default=1.0, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=2_048, ge=1)
    per_call: int = Field(default=1, ge=1, le=128)
    stop: tuple[str, ...] = ()
    logprobs: bool = False


class Portfolio(Model):
    """Standard tactics, without a model."""

    kind: Literal["portfolio"] = "portfolio"


class Endpoint(Model):
    """A model behind an address that speaks OpenAI's chat completions, and what it costs.

    Attributes:
        url: address up to and with ``/v1``.
        model: its name there.
        sampling: how it is sampled.
        prompt_price, completion_price: for a million tokens, in any currency.
        concurrency: calls under way at once.
        retries: how often a call is repeated after a fault that passes.
        timeout_s: seconds for one answer.
    """

    kind: Literal["openai"] = "openai"
    url: str = Field(min_length=1)
    model: str = Field(min_length=1)
    sampling: Sampling = Sampling()
    prompt_price: float = Field(default=0.0, ge=0)
    completion_price: float = Field(default=0.0, ge=0)
    concurrency: int = Field(default=8, ge=1, le=256)
    retries: int = Field(default=5, ge=0, le=100)
    timeout_s: float = Field(default=300.0, gt=0)


class LocalModel(Model):
    """A causal or seq2seq model of the ``transformers`` library, in this process.

    Attributes:
        model: a folder, or a name on a hub.
        revision: commit or branch on the hub.
        sampling: how it is sampled.
        device: ``auto`` takes a GPU where there is one.
        dtype: of the weights; ``auto`` is what they were saved in.
        batch: prompts that go through the model at once.
    """

    kind: Literal["transformers"] = "transformers"
    model: str = Field(min_length=1)
    revision: str | None = None
    sampling: Sampling = Sampling(max_tokens=512)
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch: int = Field(default=16, ge=1)


GeneratorSpec = Annotated[Portfolio | Endpoint | LocalModel, Field(discriminator="kind")]
