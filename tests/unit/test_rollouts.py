"""The answer in OpenRLHF's query: prompts cut off, special tokens stripped."""

from __future__ import annotations

import time

import pytest

from aludel.rollouts import answer_of, without_tokens

PROMPT = "<|im_start|>user\nProve it: a \u2264 b.<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("query", "prompt", "answer"),
    [
        (PROMPT + "by omega<|im_end|>", PROMPT, "by omega"),
        (f"<s>{PROMPT}by omega</s></s>", PROMPT, "by omega"),  # a token that the prompt has not
        (PROMPT.replace("it: ", "it:") + "by omega", PROMPT, "by omega"),  # another blank
        (PROMPT[12:] + "by omega</s>", PROMPT, "by omega"),  # its beginning was cut off
        ("Prove it.  simp\n  omega <｜end▁of▁sentence｜>\n", "Prove it.", "  simp\n  omega"),
        ("Say: f <| g <|> h", "Say:", " f <| g <|> h"),
        ("anything", "", "anything"),
        ("p", "p", ""),
        ("Another prompt: by omega", PROMPT, None),
        ("", PROMPT, ""),
    ],
)  # fmt: skip
def test_the_answer(query: str, prompt: str, answer: str | None) -> None:
    assert answer_of(query, prompt) == answer


def test_tokens_at_both_ends_alone() -> None:
    assert without_tokens("<s> <pad>x <s> y[PAD]<|eot_id|> \n") == "x <s> y"
    assert without_tokens("<s>" * 3) == ""
    assert without_tokens("  x") == "  x"


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        ("<s>" * 400_000, "p"),
        ("x" + "<s>" * 400_000, "x"),
        (" " * 1_000_000 + "x", "y"),
        ("a" * 1_000_000 + "b", "a" * 1_000_000 + "c"),
        ("<|" * 500_000, "p"),
    ],
)
def test_long_texts_take_no_time(query: str, prompt: str) -> None:
    begun = time.process_time()
    answer_of(query, prompt)
    assert time.process_time() - begun < 3
