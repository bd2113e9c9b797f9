"""The generator on any endpoint with OpenAI's chat completions (vLLM, llama.cpp, hosted models)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.generators import Endpoint
from aludel.goals import GoalState
from aludel.problems import Hint, Problem
from aludel.prompts import (
    PROOF_FSTAR_1,
    PROOF_LEAN_1,
    TACTIC_LEAN_1,
    Message,
    PromptTemplate,
    code_of,
    prompt_hash,
    proof_messages,
    tactic_messages,
    template_for,
)
from aludel.proving.generators import Proposal, Proposals, distinct

_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504})
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_QUOTED = 200


class _TokenLogprob(BaseModel):
    logprob: float


class _Logprobs(BaseModel):
    content: list[_TokenLogprob] | None = None


class _Reply(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Reply
    logprobs: _Logprobs | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Usage = _Usage()


class OpenAIGenerator:
    """Proposes whole proofs and tactics by asking an endpoint. Thread-safe; close it after use.

    Args:
        endpoint: where the model is, and how to sample it.
        key: API key, if the endpoint wants one; never recorded.
        proof_template, tactic_template: the prompts.
        http: an httpx client of your own, which you close.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        key: str = "",
        proof_template: PromptTemplate = PROOF_LEAN_1,
        tactic_template: PromptTemplate = TACTIC_LEAN_1,
        http: httpx.Client | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._sampling = endpoint.sampling
        self._proof, self._tactic = proof_template, tactic_template
        self._own = http is None
        self._http = http or httpx.Client(timeout=httpx.Timeout(10.0, read=endpoint.timeout_s))
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._slots = threading.BoundedSemaphore(endpoint.concurrency)

    @property
    def name(self) -> str:
        """The name under which attempts are filed."""
        return f"openai/{self._endpoint.model}"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the proposals, without the key."""
        return {
            "url": self._endpoint.url,
            "sampling": self._sampling.model_dump(mode="json"),
            "prompts": [self._proof.name, self._tactic.name, PROOF_FSTAR_1.name],
        }

    def proofs(self, problem: Problem, count: int, seed: int) -> list[Proposals]:
        """Ask for ``count`` proofs, in as many calls as it takes, several at once.

        Raises:
            InvalidRequest: the endpoint refuses the request.
            BackendUnavailable: it does not answer, or not in the form of a completion.
        """
        messages = proof_messages(template_for(problem, self._proof), problem)
        sizes = _split(count, self._sampling.per_call)
        with ThreadPoolExecutor(min(len(sizes), self._endpoint.concurrency)) as threads:
            calls = [
                threads.submit(self._ask, messages, size, seed + index)
                for index, size in enumerate(sizes)
            ]
            return [call.result() for call in calls]

    def repair(self, problem: Problem, answer: str, diagnostics: str, seed: int) -> Proposals:
        """Ask for one proof that avoids what was wrong with ``answer``; raises as `proofs`."""
        template = template_for(problem, self._proof)
        asked = proof_messages(template, problem)
        return self._ask(template.repairing(asked, answer, diagnostics), 1, seed)

    def tactics(self, state: GoalState, count: int, premises: Sequence[Hint] = ()) -> Proposals:
        """Ask for up to ``count`` tactics in one call, equal ones once; raises as `proofs`."""
        made = self._ask(tactic_messages(self._tactic, state, premises), count, None)
        return made.model_copy(update={"proposals": distinct(made.proposals)})

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._own:
            self._http.close()

    def _ask(self, messages: Sequence[Message], count: int, seed: int | None) -> Proposals:
        sampling = self._sampling
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [message.model_dump() for message in messages],
            "n": count,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "stop": list(sampling.stop) or None,
            "logprobs": sampling.logprobs or None,
            "seed": seed,
        }
        body = {name: value for name, value in body.items() if value is not None}
        begun = time.monotonic()
        with self._slots:
            done = self._completed(body)
        price = (
            done.usage.prompt_tokens * self._endpoint.prompt_price
            + done.usage.completion_tokens * self._endpoint.completion_price
        ) / 1e6
        return Proposals(
            proposals=tuple(_proposal(choice) for choice in done.choices if _said(choice)),
            prompt_hash=prompt_hash(messages),
            prompt_tokens=done.usage.prompt_tokens,
            completion_tokens=done.usage.completion_tokens,
            price=price,
            wall_s=time.monotonic() - begun,
        )

    def _completed(self, body: dict[str, Any]) -> _Completion:
        pause = _FIRST_PAUSE_S
        for attempt in range(self._endpoint.retries + 1):
            answer = self._sent(body)
            if isinstance(answer, httpx.Response) and answer.is_success:
                return _parsed(answer)
            last = attempt == self._endpoint.retries
            if last or (isinstance(answer, httpx.Response) and not _passes(answer)):
                raise _refusal(self._endpoint, answer)
            time.sleep(max(_asked_pause(answer), pause * random.uniform(0.5, 1.0)))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        raise AssertionError("unreachable")  # pragma: no cover

    def _sent(self, body: dict[str, Any]) -> httpx.Response | httpx.TransportError:
        url = self._endpoint.url.rstrip("/") + "/chat/completions"
        try:
            return self._http.post(url, json=body, headers=self._headers)
        except httpx.InvalidURL as error:
            raise InvalidRequest(f"{url!r} is no address: {error}", field="url") from error
        except httpx.UnsupportedProtocol as error:
            raise InvalidRequest(
                f"{url!r} is no address", field="url", fix="write http://HOST:PORT/v1"
            ) from error
        except httpx.TransportError as error:
            return error


def _split(count: int, size: int) -> list[int]:
    full, rest = divmod(count, size)
    return [size] * full + ([rest] if rest else [])


def _said(choice: _Choice) -> bool:
    return bool(code_of(choice.message.content or ""))


def _proposal(choice: _Choice) -> Proposal:
    text = code_of(choice.message.content or "")
    tokens = None if choice.logprobs is None else choice.logprobs.content
    if not tokens:
        return Proposal(text=text)
    return Proposal(text=text, cost=max(0.0, -sum(token.logprob for token in tokens)))


def _parsed(answer: httpx.Response) -> _Completion:
    try:
        return _Completion.model_validate_json(answer.content)
    except ValidationError as error:
        raise BackendUnavailable(
            f"the endpoint answers what is no completion: {error.errors()[0]['msg']}",
            fix="check the address: it ends with /v1",
        ) from error


def _passes(answer: httpx.Response) -> bool:
    return answer.status_code in _TRANSIENT


def _asked_pause(answer: httpx.Response | httpx.TransportError) -> float:
    if not isinstance(answer, httpx.Response):
        return 0.0
    given = answer.headers.get("Retry-After", "")
    return min(float(given), _LONGEST_PAUSE_S) if given.isdecimal() else 0.0


def _refusal(
    endpoint: Endpoint, answer: httpx.Response | httpx.TransportError
) -> InvalidRequest | BackendUnavailable:
    if not isinstance(answer, httpx.Response):
        return BackendUnavailable(f"the endpoint {endpoint.url} does not answer: {answer}")
    said = " ".join(answer.text[:_QUOTED].split())
    message = f"the endpoint answers {answer.status_code}: {said}"
    if answer.status_code in (400, 401, 403, 404, 422):
        return InvalidRequest(message, field="endpoint", fix="check address, key and model name")
    return BackendUnavailable(message)
