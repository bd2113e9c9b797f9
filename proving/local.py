"""The generator on a local model of the ``transformers`` library."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aludel.generators import LocalModel
from aludel.goals import GoalState
from aludel.problems import Hint, Problem
from aludel.prompts import (
    PROOF_FSTAR_1,
    PROOF_LEAN_1,
    PROOF_PLAIN_1,
    TACTIC_LEAN_1,
    TACTIC_PLAIN_1,
    TACTIC_STATE_1,
    Message,
    PromptTemplate,
    code_of,
    prompt_hash,
    proof_messages,
    tactic_messages,
    template_for,
)
from aludel.proving.generators import Proposal, Proposals, distinct
from aludel.proving.local_batches import Batches
from aludel.proving.local_model import Draw, Drawn, TextModel


class LocalGenerator:
    """Proposes whole proofs and tactics by a model in this process. Thread-safe.

    What several threads ask for goes through the model together. The same seed gives the same
    samples: a sample's own seed is made from it, the prompt and the sample's number.

    Args:
        spec: the model, and how it is sampled. A temperature of 0, or none, is greedy.

    Raises:
        ToolchainMissing: torch or transformers is not installed.
        InvalidRequest: there is no such model or device.
        BackendUnavailable: the model does not fit into memory.
    """

    def __init__(self, spec: LocalModel) -> None:
        self._spec = spec
        self._model = TextModel(spec)
        self._batches = Batches[Draw, Drawn](self._model.draw, spec.batch, lambda draw: draw.limit)
        self._proof, self._tactic = _templates(self._model)

    @property
    def name(self) -> str:
        """The name under which attempts are filed: the hub's, or the folder's."""
        folder = Path(self._spec.model)
        return f"transformers/{folder.resolve().name if folder.is_dir() else self._spec.model}"

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the proposals; ``weights`` is the hub's commit, or a digest of files."""
        sampling = self._spec.sampling.model_dump(mode="json", exclude={"per_call", "logprobs"})
        return {
            "weights": self._model.digest,
            "sampling": sampling,
            "prompts": [self._proof.name, self._tactic.name, PROOF_FSTAR_1.name],
            "chat_template": self._model.chat,
            "device": self._model.device.type,
            "dtype": self._model.dtype,
        }

    def proofs(self, problem: Problem, count: int, seed: int) -> list[Proposals]:
        """Propose ``count`` proofs; none if the prompt is longer than the model's window.

        Raises:
            InvalidRequest: the model's chat template refuses the prompt.
            BackendUnavailable: out of memory, or the model fails.
        """
        template = template_for(problem, self._proof)
        return [self._asked(proof_messages(template, problem), count, seed)]

    def repair(self, problem: Problem, answer: str, diagnostics: str, seed: int) -> Proposals:
        """Propose one proof that avoids what was wrong with ``answer``; raises as `proofs`."""
        template = template_for(problem, self._proof)
        asked = template.repairing(proof_messages(template, problem), answer, diagnostics)
        return self._asked(asked, 1, seed)

    def tactics(self, state: GoalState, count: int, premises: Sequence[Hint] = ()) -> Proposals:
        """Propose up to ``count`` tactics, equal ones once; a state has always the same ones.

        Raises as `proofs`.
        """
        made = self._asked(tactic_messages(self._tactic, state, premises), count, 0)
        return made.model_copy(update={"proposals": distinct(made.proposals)})

    def close(self) -> None:
        """Nothing to do: memory goes with the object."""

    def _asked(self, messages: Sequence[Message], count: int, seed: int) -> Proposals:
        begun = time.monotonic()
        digest = prompt_hash(messages)
        prompt = self._model.tokens(messages)
        room = self._model.room(prompt)
        greedy = not self._spec.sampling.temperature
        draws = [
            Draw(prompt, room, _own_seed(seed, digest, index))
            for index in range((1 if greedy else count) if room else 0)
        ]
        drawn = self._batches.results(draws)
        found = [Proposal(text=code_of(one.text), cost=one.cost) for one in drawn]
        said = tuple(proposal for proposal in found if proposal.text)
        return Proposals(
            proposals=said * count if greedy else said,
            prompt_hash=digest,
            prompt_tokens=len(prompt),
            completion_tokens=sum(one.tokens for one in drawn),
            wall_s=time.monotonic() - begun,
        )


def _templates(model: TextModel) -> tuple[PromptTemplate, PromptTemplate]:
    if model.chat:
        return PROOF_LEAN_1, TACTIC_LEAN_1
    return PROOF_PLAIN_1, TACTIC_STATE_1 if model.seq2seq else TACTIC_PLAIN_1


def _own_seed(seed: int, prompt: str, index: int) -> int:
    drawn = hashlib.sha256(f"{seed}/{prompt}/{index}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") >> 1  # torch takes 63 bits everywhere
