"""A model of the ``transformers`` library: loaded, and sampled with a seed for each sample.

The library is imported when a model is loaded, and only then. Code that a model's repository
brings along is never run.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aludel.distribution import install_command
from aludel.errors import BackendUnavailable, InvalidRequest, ToolchainMissing
from aludel.generators import LocalModel, Sampling
from aludel.prompts import Message, plain_text
from aludel.proving.local_decoding import Chooser, Stops

_UNBOUNDED = 2_048  # new tokens, where neither the request, the model nor its window says


class Draw(NamedTuple):
    """One sample to be drawn.

    Attributes:
        prompt: token ids.
        limit: new tokens at most.
        seed: of this sample alone.
    """

    prompt: tuple[int, ...]
    limit: int
    seed: int


class Drawn(NamedTuple):
    """A sample: its text, its negative log probability in nats, and its number of tokens."""

    text: str
    cost: float
    tokens: int


class TextModel:
    """A causal or seq2seq model with its tokenizer, on one device. One thread at a time may draw.

    Args:
        spec: which model, where, in which precision, sampled how.

    Raises:
        ToolchainMissing: torch or transformers is not installed.
        InvalidRequest: there is no such model, or it cannot be loaded; no such device.
        BackendUnavailable: it does not fit into memory, or the hub does not answer.
    """

    def __init__(self, spec: LocalModel) -> None:
        self._torch, self._library = _libraries()
        self._sampling = spec.sampling
        self.device = _device(self._torch, spec.device)
        with _loading(spec), _computing(self._torch, "lower the size of the model, or its dtype"):
            self._words, config, self._model = _loaded(self._library, spec)
            self._model.to(self.device).eval()
        self.seq2seq = bool(config.is_encoder_decoder)
        self.chat = bool(getattr(self._words, "chat_template", None))
        self.digest = _digest(spec, config)
        self.dtype = str(self._model.dtype).removeprefix("torch.")
        self._window = getattr(config.get_text_config(), "max_position_embeddings", None)
        self._ends = _ends(self._model.generation_config, self._words)
        self._pad = self._words.pad_token_id
        if self._pad is None:
            self._pad = min(self._ends, default=0)
        self._busy = threading.Lock()  # tokenizers must not be used by two threads at once

    def tokens(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return the prompt as token ids: by the chat template, or as plain text.

        Raises:
            InvalidRequest: the chat template refuses the messages.
        """
        with self._busy:
            if not self.chat:
                return tuple(self._words(plain_text(messages))["input_ids"])
            turns = [message.model_dump() for message in messages]
            try:
                text = self._words.apply_chat_template(
                    turns, add_generation_prompt=True, tokenize=False
                )
            except Exception as error:  # a template is a program, and raises what it likes
                raise InvalidRequest(
                    f"the model's chat template refuses the prompt: {error}", field="model"
                ) from error
            return tuple(self._words(text, add_special_tokens=False)["input_ids"])

    def room(self, prompt: Sequence[int]) -> int:
        """Return how many new tokens there may be after a prompt; 0 when it is too long."""
        asked = self._sampling.max_tokens or self._model.generation_config.max_new_tokens
        if self._window is None:
            return int(asked or _UNBOUNDED)
        if self.seq2seq:
            left = self._window - 1 if len(prompt) <= self._window else 0
        else:
            left = max(0, self._window - len(prompt))
        return int(min(asked or left, left))

    def draw(self, draws: Sequence[Draw]) -> list[Drawn]:
        """Draw samples as one batch; all have the same limit.

        Greedy where the temperature is 0 or not given, else with the seed of each sample, by the
        Gumbel-max method: what is drawn for a seed does not depend on the rest of the batch, but
        for the last digits of the arithmetic, which may tip a near tie.

        Raises:
            BackendUnavailable: out of memory, or the model computes no numbers.
        """
        chooser = Chooser(self._torch, self.device, self._sampling, [d.seed for d in draws])
        stops = Stops(self._torch, self._decoded, self._sampling.stop)
        ids, mask = self._padded([draw.prompt for draw in draws])
        with _computing(self._torch, "lower `batch` or `max_tokens`"), self._torch.inference_mode():
            made = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=self._config(draws[0].limit),
                logits_processor=[chooser],
                stopping_criteria=[stops],
            )
            new = made[:, made.shape[1] - chooser.steps :].tolist()
            costs = chooser.costs()
        return [self._drawn(row, costs[i], stops.ended.get(i)) for i, row in enumerate(new)]

    def _drawn(self, row: list[int], costs: list[float], stopped: int | None) -> Drawn:
        ends = [place + 1 for place, token in enumerate(row) if token in self._ends]
        length = min([len(row), *ends[:1], *([stopped] if stopped else [])])
        cost = math.fsum(costs[:length])
        if not math.isfinite(cost):
            raise BackendUnavailable(
                "the model computes what is no number", fix="try another dtype, float32 for example"
            )
        text = _cut(self._decoded(row[:length]), self._sampling)
        return Drawn(text, max(0.0, cost), length)

    def _decoded(self, ids: Sequence[int]) -> str:
        with self._busy:
            text: str = self._words.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        return text

    def _padded(self, prompts: Sequence[tuple[int, ...]]) -> tuple[Any, Any]:
        """Return ids and mask; decoders go on at the right end, so their prompts start padded."""
        width = max(map(len, prompts))
        ids, mask = [], []
        for prompt in prompts:
            gap, empty = [self._pad] * (width - len(prompt)), [0] * (width - len(prompt))
            one = [1] * len(prompt)
            ids.append([*prompt, *gap] if self.seq2seq else [*gap, *prompt])
            mask.append([*one, *empty] if self.seq2seq else [*empty, *one])
        tensor = self._torch.tensor
        return tensor(ids, device=self.device), tensor(mask, device=self.device)

    def _config(self, limit: int) -> Any:  # noqa: ANN401 - the library's
        """Return what `generate` needs: lengths and ends; the choice of tokens is our own."""
        own = self._model.generation_config
        return self._library.GenerationConfig(
            max_new_tokens=limit,
            do_sample=False,
            eos_token_id=sorted(self._ends) or None,
            pad_token_id=self._pad,
            bos_token_id=own.bos_token_id,
            decoder_start_token_id=own.decoder_start_token_id,
        )


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ToolchainMissing(
            f"local models need torch and transformers: {error}",
            fix=install_command("models"),
        ) from error
    transformers.utils.logging.disable_progress_bar()
    return torch, transformers


def _device(torch: Any, name: str) -> Any:  # noqa: ANN401 - the library's
    if name == "auto":
        gpu = torch.accelerator.current_accelerator(check_available=True)
        return gpu or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0]
        raise InvalidRequest(
            f"there is no device {name!r} here: {first}", field="device", fix="try auto or cpu"
        ) from error
    return device


def _loaded(library: Any, spec: LocalModel) -> tuple[Any, Any, Any]:  # noqa: ANN401 - the library's
    """Return tokenizer, configuration and model.

    Raises:
        InvalidRequest: weights are missing; the library would fill them with noise.
    """
    where = {"revision": spec.revision or "main", "trust_remote_code": False}
    config = library.AutoConfig.from_pretrained(spec.model, **where)
    words = library.AutoTokenizer.from_pretrained(spec.model, **where)
    kind = library.AutoModelForSeq2SeqLM if config.is_encoder_decoder else None
    model, report = (kind or library.AutoModelForCausalLM).from_pretrained(
        spec.model, dtype=spec.dtype, output_loading_info=True, **where
    )
    if report["missing_keys"]:
        raise InvalidRequest(
            f"the model has no weights for {', '.join(sorted(report['missing_keys'])[:3])}",
            field="model",
            fix="name a causal or seq2seq language model, with all its weights",
        )
    return words, config, model


@contextmanager
def _loading(spec: LocalModel) -> Iterator[None]:
    """Map what the library raises for models that are not there or not whole."""
    path = Path(spec.model)
    if not path.is_dir() and (path.is_absolute() or spec.model.startswith((".", "~"))):
        raise InvalidRequest(f"there is no folder {spec.model}", field="model")
    try:
        yield
    except (InvalidRequest, BackendUnavailable):
        raise
    except Exception as error:  # parsers of files from elsewhere raise what they like
        if _unreached(error):
            raise BackendUnavailable(
                f"{spec.model} is no folder, and the hub of that name does not answer",
                field="model",
                fix="give a folder, or fetch the model into the hub's cache first",
            ) from error
        first = " ".join(str(error).split())[:300]
        raise InvalidRequest(
            f"{spec.model} cannot be loaded: {first or type(error).__name__}",
            field="model",
            fix="give a folder that save_pretrained wrote, or a name on the hub",
        ) from error


def _unreached(error: BaseException) -> bool:
    """Whether the hub could not be asked, which says nothing about the model."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    causes: list[BaseException | None] = [error]
    while (last := causes[-1]) is not None:
        causes.append(last.__cause__ or last.__context__)
    return any(isinstance(cause, LocalEntryNotFoundError) for cause in causes)


@contextmanager
def _computing(torch: Any, fix: str) -> Iterator[None]:  # noqa: ANN401 - the library's
    """Map running out of memory, and other faults of the device."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise BackendUnavailable("the device is out of memory", fix=fix) from error
    except (MemoryError, RuntimeError, IndexError) as error:
        first = " ".join(str(error).split())[:300]
        short = isinstance(error, MemoryError) or "allocate memory" in first
        said = "this machine is out of memory" if short else f"the model failed: {first}"
        raise BackendUnavailable(said, fix=fix if short else None) from error


def _digest(spec: LocalModel, config: Any) -> str:  # noqa: ANN401 - the library's
    """Return what names the weights: the hub's commit, or the SHA-256 over a folder's files."""
    folder = Path(spec.model)
    if not folder.is_dir():
        return str(getattr(config, "_commit_hash", None) or spec.revision or "main")
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with path.open("rb") as file:
            whole.update(
                f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return whole.hexdigest()


def _ends(config: Any, words: Any) -> frozenset[int]:  # noqa: ANN401 - the library's
    own = config.eos_token_id
    ids = own if isinstance(own, list) else [own, words.eos_token_id]
    return frozenset(token for token in ids if token is not None)


def _cut(text: str, sampling: Sampling) -> str:
    places = [text.find(stop) for stop in sampling.stop if stop in text]
    return text[: min(places)] if places else text
