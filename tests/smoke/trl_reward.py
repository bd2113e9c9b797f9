"""``aludel.rl`` in TRL's GRPO, with the base wheel and a tiny model.

Usage: ``python trl_reward.py URL``, with the Python that has TRL; URL is a running service.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

import datasets
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

import aludel

STATEMENT = "theorem swap (a b : Nat) : a + b = b + a"


def tokenizer() -> Any:
    """Return a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|pad|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator([STATEMENT], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|end|>", pad_token="<|pad|>")


def model(words: Any) -> Any:
    """Return a decoder with one small layer and random weights."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )


def train(reward: Any, folder: str) -> list[float | None]:
    """Take two steps of GRPO and return every reward that was given."""
    given: list[float | None] = []

    def proved(**passed: Any) -> list[float | None]:
        found: list[float | None] = reward(**passed)
        given.extend(found)
        return found

    words = tokenizer()
    GRPOTrainer(
        model=model(words),
        reward_funcs=proved,
        processing_class=words,
        train_dataset=datasets.Dataset.from_list(
            [{"prompt": f"{STATEMENT} := ", "statement": STATEMENT}] * 4
        ),
        args=GRPOConfig(
            output_dir=folder, max_steps=2, per_device_train_batch_size=2, num_generations=2,
            max_completion_length=8, report_to=[], use_cpu=True, save_strategy="no",
        ),
    ).train()  # fmt: skip
    return given


def main() -> None:
    """Check the environment, the rewards of known proofs, and two steps of training."""
    assert Path(aludel.__file__).is_relative_to(sys.prefix)
    assert Path(datasets.__file__).is_relative_to(sys.prefix)
    assert importlib.util.find_spec("sqlalchemy") is None  # the base alone
    from aludel.rl import make_reward

    with aludel.Client(sys.argv[1]) as client, tempfile.TemporaryDirectory() as folder:
        reward = make_reward(client)
        answers = [
            "by omega",
            "by sorry",
            [{"role": "assistant", "content": "```lean\nby omega\n```"}],
        ]
        known = reward(
            prompts=["p"] * 3, completions=answers, completion_ids=[[1]] * 3,
            statement=[STATEMENT] * 3, trainer_state=None,
        )  # fmt: skip
        assert known == [1.0, 0.0, 1.0], known
        given = train(reward, folder)
    assert len(given) == 4
    assert all(isinstance(one, float) for one in given), given
    print(f"known proofs {known}; {len(given)} rewards in two steps of GRPO: {given}")


if __name__ == "__main__":
    main()
