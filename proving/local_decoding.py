"""Logits processors and stopping criteria for `generate` of ``transformers``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aludel.generators import Sampling


class Chooser:
    """A logits processor after which the greedy choice is a sample, with a seed for each row.

    Adding Gumbel noise to logits and taking the greatest samples from their softmax (the Gumbel-max
    method; Maddison, Tarlow and Minka, "A* Sampling", 2014). Each row has noise of its own, so
    that the rows of a batch do not depend on each other.

    Args:
        torch: the library.
        device: where the logits are.
        sampling: temperature (0 or none: no noise) and top_p.
        seeds: one for each row.
    """

    def __init__(
        self,
        torch: Any,  # noqa: ANN401 - the library
        device: Any,  # noqa: ANN401 - the library's
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> None:
        self._torch = torch
        self._temperature = sampling.temperature or 0.0
        self._top_p = sampling.top_p or 1.0
        self._noise = [torch.Generator(device=device).manual_seed(seed) for seed in seeds]
        self._costs: list[Any] = []

    @property
    def steps(self) -> int:
        """Tokens chosen for each row, those after its end included."""
        return len(self._costs)

    def costs(self) -> list[list[float]]:
        """Return for each row the negative log probabilities of its tokens, before temperature."""
        rows: list[list[float]] = self._torch.stack(self._costs, dim=1).tolist()
        return rows

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ANN401, ARG002 - the library's
        """Return scores (rows, vocabulary) whose greatest entry is the token drawn."""
        logits = scores.float()
        if self._temperature > 0:
            scores = self._cut(logits / self._temperature) + self._gumbel(logits)
        chosen = scores.argmax(dim=-1, keepdim=True)
        self._costs.append(-logits.log_softmax(dim=-1).gather(1, chosen).squeeze(1))
        return scores

    def _gumbel(self, logits: Any) -> Any:  # noqa: ANN401 - the library's
        drawn = self._torch.empty_like(logits)
        for row, noise in zip(drawn, self._noise, strict=True):
            row.exponential_(generator=noise)
        return -drawn.log()

    def _cut(self, logits: Any) -> Any:  # noqa: ANN401 - the library's
        """Keep the likeliest tokens that together have ``top_p``; at least one."""
        if self._top_p >= 1:
            return logits
        ordered, places = logits.sort(dim=-1, descending=True)
        chances = ordered.softmax(dim=-1)
        beyond = chances.cumsum(dim=-1) - chances >= self._top_p
        return logits.masked_fill(beyond.scatter(1, places, beyond), float("-inf"))


class Stops:
    """A stopping criterion: the row's text has one of the strings.

    Args:
        torch: the library.
        decoded: gives the text of token ids.
        strings: what ends a sample.
    """

    def __init__(
        self,
        torch: Any,  # noqa: ANN401 - the library
        decoded: Callable[[Sequence[int]], str],
        strings: Sequence[str],
    ) -> None:
        self._torch, self._decoded, self._strings = torch, decoded, tuple(strings)
        # A token is at least a byte, so that this many hold a string that has just ended.
        self._tail = max((len(string.encode()) for string in strings), default=0) + 1
        self._steps = 0
        self.ended: dict[int, int] = {}

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002
        """Return for each row whether it ends here; ``ended`` keeps after how many tokens."""
        self._steps += 1
        tail = input_ids[:, -min(self._tail, self._steps) :].tolist()
        for row, ids in enumerate(tail if self._strings else ()):
            if row not in self.ended and any(s in self._decoded(ids) for s in self._strings):
                self.ended[row] = self._steps
        done = [row in self.ended for row in range(input_ids.shape[0])]
        return self._torch.tensor(done, device=input_ids.device)
