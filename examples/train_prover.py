"""Trains a small prover from scratch: a tokenizer and a causal transformer, in plain PyTorch.

    python examples/train_prover.py --data DATASET --out MODEL [--init MODEL] [--steps N] [--seed N]

DATASET is what `aludel export` wrote with the recipes `whole_proof`, `found_proofs` or `sft`, else
`variants`; of a split dataset only `train` is read. MODEL is a folder that `--generator
transformers` takes; it appears when training is done. A run that was stopped goes on with
`--resume`, from the checkpoint in MODEL.training, and ends with the same weights as one that was
not. Standard output is JSON lines: losses, then a summary. Needs
`pip install 'aludel-proofs[models]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet
import torch
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from aludel.errors import AludelError, Conflict, InvalidRequest
from aludel.prompts import PROOF_PLAIN_1, TACTIC_PLAIN_1

Words = PreTrainedTokenizerFast
Network = PreTrainedModel
Row = tuple[list[int], list[int]]  # tokens, and what is to be learnt in their places

_END, _PAD = "<|end|>", "<|pad|>"
_RECIPES = ("whole_proof", "found_proofs", "sft")
_UNSCORED = -100  # what the library's loss leaves out
_WARM_UP = 20


class Example(NamedTuple):
    """A prompt as the generator poses it, and what should follow."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Options:
    """Options of the training; sizes are those of a new model."""

    data: Path
    out: Path
    init: Path | None
    steps: int
    seed: int
    batch: int
    rate: float
    width: int
    layers: int
    window: int
    words: int
    device: str
    threads: int
    save_every: int
    resume: bool

    @property
    def training(self) -> Path:
        """The checkpoint of a run under way."""
        return self.out.with_name(f"{self.out.name}.training")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; return the exit code."""
    options = _options(arguments)
    try:
        if options.out.exists():
            raise Conflict(f"{options.out} exists", field="--out", fix="choose another folder")
        train(options)
    except AludelError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def train(options: Options) -> None:
    """Train as ``options`` say, and leave the model in ``options.out``.

    Raises:
        InvalidRequest: there is nothing to train on, or no such model to begin with.
        Conflict: the checkpoint to resume is that of another run.
    """
    begun = time.monotonic()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    examples = list(read_examples(options.data))
    words, model = _beginning(options, examples)
    rows = [row for one in examples if (row := _encoded(words, one, options.window))]
    if not rows:
        raise InvalidRequest(
            f"{options.data} has no example of at most {options.window} tokens",
            field="--data",
            fix="export another recipe, or give a larger --window",
        )
    losses = _loop(options, model, rows, words.pad_token_id, _fingerprint(options, examples))
    part = options.out.with_name(f"{options.out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    words.save_pretrained(part)
    part.rename(options.out)
    shutil.rmtree(options.training, ignore_errors=True)
    _say(
        model=str(options.out),
        parameters=sum(weight.numel() for weight in model.parameters()),
        examples=len(rows),
        too_long=len(examples) - len(rows),
        steps=options.steps,
        first_loss=losses[0] if losses else None,
        last_loss=losses[-1] if losses else None,
        seconds=round(time.monotonic() - begun, 1),
    )


# Data


def read_examples(folder: Path) -> Iterator[Example]:
    """Yield the examples of an exported dataset: whole proofs and tactics, else variants.

    Raises:
        InvalidRequest: ``folder`` holds none of the recipes, or a row without its columns.
    """
    found = [name for name in _RECIPES if _files(folder, name)] or ["variants"]
    if not _files(folder, found[0]):
        raise InvalidRequest(
            f"{folder} holds none of {', '.join(_RECIPES)}, variants",
            field="--data",
            fix="make it with: aludel export --recipe whole_proof --out DIR",
        )
    for recipe in found:
        for path in _files(folder, recipe):
            for row in _rows(path):
                try:
                    yield _example(recipe, row)
                except KeyError as error:
                    raise InvalidRequest(f"a row has no {error}", field=str(path)) from error


def _example(recipe: str, row: dict[str, Any]) -> Example:
    if recipe in ("whole_proof", "found_proofs"):
        return Example(row["prompt"], row["completion"])
    if recipe == "variants":
        messages = PROOF_PLAIN_1.messages(premises="", statement=row["statement"])
        return Example(messages[0].content, f" {row['proof']}\n")
    messages = TACTIC_PLAIN_1.messages(premises="", goals=row["prompt"])
    return Example(messages[0].content, row["completion"])


def _files(folder: Path, recipe: str) -> list[Path]:
    """Return the files of a recipe's train split, in the first format that there is."""
    for ending in ("jsonl", "jsonl.zst", "parquet"):
        if found := sorted((folder / "data" / recipe).glob(f"train-*.{ending}")):
            return found
    return []


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
        return
    with path.open("rb") as file:
        packed = path.suffix == ".zst"
        stream = zstandard.ZstdDecompressor().stream_reader(file) if packed else file
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)


def _encoded(words: Words, example: Example, window: int) -> Row | None:
    """Return tokens and labels; the prompt is not learnt. None if they do not fit."""
    prompt = words(example.prompt)["input_ids"]
    answer = [*words(example.completion, add_special_tokens=False)["input_ids"], words.eos_token_id]
    if len(prompt) + len(answer) > window:
        return None
    return [*prompt, *answer], [*[_UNSCORED] * len(prompt), *answer]


# Model


def _beginning(options: Options, examples: Sequence[Example]) -> tuple[Words, Network]:
    """Return tokenizer and model: those of ``--init``, or new ones."""
    if options.init is None:
        words = _tokenizer(examples, options)
        return words, _model(words, options)
    try:
        words = AutoTokenizer.from_pretrained(options.init)
        return words, AutoModelForCausalLM.from_pretrained(options.init)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{options.init}: {error}", field="--init") from error


def _tokenizer(examples: Sequence[Example], options: Options) -> Words:
    """Learn a byte-level BPE: it can write any text, and frequent words are one token."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=options.words,
        special_tokens=[_PAD, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator((text for example in examples for text in example), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=_END, pad_token=_PAD, model_max_length=options.window
    )


def _model(words: Words, options: Options) -> Network:
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=options.width,
        intermediate_size=4 * options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=4,
        max_position_embeddings=options.window,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return LlamaForCausalLM(config)


# Training


def _loop(
    options: Options, model: Network, rows: list[Row], pad: int, fingerprint: str
) -> list[float]:
    """Train; return the losses of this call, each the mean of ten steps."""
    model.to(options.device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01)
    first = _resumed(options, model, optimizer, fingerprint)
    recent: list[float] = []
    losses: list[float] = []
    begun = time.monotonic()
    for step in range(first, options.steps):
        batch = _batch(_chosen(rows, options, step), pad, options.device)
        recent.append(_step(model, optimizer, batch, options.rate * _schedule(step, options.steps)))
        done = step + 1
        if done % 10 == 0 or done == options.steps:
            losses.append(sum(recent) / len(recent))
            recent.clear()
            seconds = round(time.monotonic() - begun, 1)
            _say(step=done, loss=round(losses[-1], 5), seconds=seconds)
        if done % options.save_every == 0 and done < options.steps:
            _save(options, model, optimizer, done, fingerprint)
    return losses


def _step(
    model: Network, optimizer: torch.optim.Optimizer, batch: dict[str, torch.Tensor], rate: float
) -> float:
    """Take one step; return the loss before it, nats for each token that is learnt."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = model(**batch).loss
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _schedule(step: int, steps: int) -> float:
    """A short warm-up, then half a cosine down to a tenth."""
    if step < _WARM_UP:
        return (step + 1) / _WARM_UP
    done = (step - _WARM_UP) / max(1, steps - _WARM_UP)
    return 0.55 + 0.45 * math.cos(math.pi * done)


def _chosen(rows: list[Row], options: Options, step: int) -> list[Row]:
    """Return the rows of a step, which depend on seed and step alone: epochs in random order."""
    places = range(step * options.batch, (step + 1) * options.batch)
    orders: dict[int, list[int]] = {}
    for epoch in {place // len(rows) for place in places}:
        order = list(range(len(rows)))
        random.Random(f"{options.seed}/{epoch}").shuffle(order)  # noqa: S311 - no secret
        orders[epoch] = order
    return [rows[orders[place // len(rows)][place % len(rows)]] for place in places]


def _batch(rows: list[Row], pad: int, device: str) -> dict[str, torch.Tensor]:
    width = max(len(tokens) for tokens, _ in rows)
    ids = [tokens + [pad] * (width - len(tokens)) for tokens, _ in rows]
    mask = [[1] * len(tokens) + [0] * (width - len(tokens)) for tokens, _ in rows]
    labels = [wanted + [_UNSCORED] * (width - len(wanted)) for _, wanted in rows]
    named = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    return {name: torch.tensor(value, device=device) for name, value in named.items()}


# Checkpoints


def _fingerprint(options: Options, examples: Sequence[Example]) -> str:
    """Return what a checkpoint must agree with: data and everything that shapes the training."""
    whole = hashlib.sha256()
    for example in examples:
        whole.update(json.dumps(example).encode())
    told = {name: str(value) for name, value in vars(options).items()}
    for name in ("data", "out", "save_every", "resume"):
        told.pop(name)
    whole.update(json.dumps(told, sort_keys=True).encode())
    return whole.hexdigest()


def _save(
    options: Options,
    model: Network,
    optimizer: torch.optim.Optimizer,
    step: int,
    fingerprint: str,
) -> None:
    options.training.mkdir(parents=True, exist_ok=True)
    part = options.training / "checkpoint.part"
    state = {
        "fingerprint": fingerprint,
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, part)
    part.replace(options.training / "checkpoint.pt")


def _resumed(
    options: Options, model: Network, optimizer: torch.optim.Optimizer, fingerprint: str
) -> int:
    """Load the checkpoint, if one is to be resumed; return the step to go on with."""
    path = options.training / "checkpoint.pt"
    if not (options.resume and path.exists()):
        return 0
    state = torch.load(path, map_location=options.device, weights_only=True)
    if state["fingerprint"] != fingerprint:
        raise Conflict(
            f"{path} is of a run with other data or options", field="--resume", fix="leave it out"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _options(arguments: Sequence[str] | None) -> Options:
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description="Train a small prover on an exported dataset.")
    parser.add_argument("--data", type=Path, required=True, help="folder of an export")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model; new")
    parser.add_argument("--init", type=Path, help="model to begin with; else a new one")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=16, help="examples of a step")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--width", type=int, default=128, help="of the hidden layers")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--window", type=int, default=512, help="tokens of prompt and answer")
    parser.add_argument("--words", type=int, default=1_024, help="size of the vocabulary")
    parser.add_argument("--device", default=gpu)
    parser.add_argument("--threads", type=int, default=1, help="of the CPU; more for wide models")
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on where a run was stopped")
    return Options(**vars(parser.parse_args(arguments)))


def _say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    sys.exit(main())
