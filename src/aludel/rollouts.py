"""The model's answer in what OpenRLHF sends: prompt and answer, decoded with special tokens."""

from __future__ import annotations

import re

# `<|im_end|>`, `<｜end▁of▁sentence｜>`, `</s>`, `<end_of_turn>`, `[PAD]`; Lean has none of them.
_SPECIAL = (
    r"<[|｜][^|｜<>\s]{1,60}[|｜]>"
    r"|</?(?:s|pad|unk|bos|eos|mask|eod|start_of_turn|end_of_turn)>"
    r"|\[(?:PAD|EOS|BOS|UNK|CLS|SEP|MASK)\]"
)
_FIRST = re.compile(rf"\s*(?:{_SPECIAL})")
_LAST = re.compile(rf"(?:\s|{_SPECIAL})+\Z")
_SKIPPED = re.compile(rf"\s+|{_SPECIAL}")
_LONGEST = 64
_SAMPLE = 16
_TRIES = 100


def answer_of(query: str, prompt: str) -> str | None:
    """Return what a model wrote behind its prompt, without the special tokens around it.

    A tokenizer may have changed blanks and left out special tokens, and a trainer may have cut off
    the beginning of a prompt that was too long.

    Args:
        query: prompt and answer.
        prompt: the text before it was tokenized.

    Returns:
        None where the query does not begin with the prompt: nobody can say then which words are
        the model's.
    """
    if query.startswith(prompt):
        return without_tokens(query[len(prompt) :])
    letters = _letters_of_prompt(_SKIPPED.sub("", query), _SKIPPED.sub("", prompt))
    if letters is None:
        return None
    blanks = prompt[len(prompt.rstrip()) :]
    return without_tokens(query[_end_of(query, letters) :].removeprefix(blanks))


def without_tokens(text: str) -> str:
    """Return the text without special tokens at its beginning and end."""
    start, end = 0, len(text)
    while (found := _FIRST.match(text, start)) is not None:
        start = found.end()
    while (found := _LAST.search(text[max(start, end - _LONGEST) : end])) is not None:
        end -= len(found[0])
    return text[start:end]


def _letters_of_prompt(query: str, prompt: str) -> int | None:
    """Return how many letters of a query are the prompt's: all of that, or its end."""
    if query.startswith(prompt):
        return len(prompt)
    at = -1
    for _ in range(_TRIES):
        at = prompt.find(query[:_SAMPLE], at + 1)
        if at < 0:
            return None
        if query.startswith(prompt[at:]):
            return len(prompt) - at
    return None


def _end_of(text: str, letters: int) -> int:
    """Return the place behind the given number of characters, blanks and tokens not counted."""
    at = 0
    for skipped in _SKIPPED.finditer(text):
        if skipped.start() - at >= letters:
            break
        letters -= skipped.start() - at
        at = skipped.end()
    return at + letters
