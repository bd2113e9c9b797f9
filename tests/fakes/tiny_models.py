"""Tiny models with random weights, made from their configurations: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aludel.prompts import Message

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXTS = [
    "theorem swap (a b : Nat) : a + b = b + a := by omega",
    "theorem both (p q : Prop) (h : p ∧ q) : q ∧ p := ⟨h.2, h.1⟩",
    "case inl\na b : Nat\nh : a ≤ b\n⊢ a < b + 1",
]


def needs_models() -> None:
    """Skip where the libraries of local models are missing."""
    torch = pytest.importorskip("torch", reason="needs torch: make models")
    pytest.importorskip("transformers", reason="needs transformers: make models")
    torch.set_num_threads(1)  # threads of models this small only wait for each other


def tokenizer(*, chat: bool = False) -> Any:
    """A byte-level tokenizer that knows every text, with a few merges."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|pad|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|end|>",
        pad_token="<|pad|>",
        chat_template=CHAT if chat else None,
    )


def causal_model(folder: Path, *, chat: bool = False, window: int = 512, seed: int = 0) -> Path:
    """Write a decoder with two layers; return its folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer(chat=chat)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=window,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        initializer_range=0.3,  # with the usual 0.02 the next token is close to uniform
    )
    return _saved(LlamaForCausalLM(config), words, folder)


def seq2seq_model(folder: Path, *, seed: int = 0) -> Path:
    """Write an encoder and a decoder with one layer each; return their folder."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    words = tokenizer()
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(words),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=1,
        num_heads=2,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        decoder_start_token_id=words.pad_token_id,
    )
    return _saved(T5ForConditionalGeneration(config), words, folder)


def _saved(model: Any, words: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def taught(folder: Path, prompts: Sequence[Sequence[Message]], answer: str) -> Path:
    """Write a decoder with a chat template that gives ``answer`` to each of the prompts."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    causal_model(folder, chat=True)
    words = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    said = [*words(answer)["input_ids"], words.eos_token_id]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(40):
        for prompt in prompts:
            turns = [message.model_dump() for message in prompt]
            text = words.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            asked = words(text, add_special_tokens=False)["input_ids"]
            ids = torch.tensor([[*asked, *said]])
            labels = torch.tensor([[*[-100] * len(asked), *said]])
            model(input_ids=ids, labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return _saved(model, words, folder)
