"""Local models: batches, the choice of tokens, what is refused. Tiny models, random weights."""

from __future__ import annotations

import math
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.errors import BackendUnavailable, InvalidRequest, ToolchainMissing
from aludel.generators import LocalModel, Sampling
from aludel.goals import Goal, GoalState
from aludel.prompts import PROOF_PLAIN_1, plain_text, prompt_hash, proof_messages
from aludel.proving import TheoremProblem
from aludel.proving.local import LocalGenerator
from aludel.proving.local_batches import Batches
from aludel.proving.local_model import Draw, TextModel

PROBLEM = TheoremProblem(name="comm", statement="theorem comm (a b : Nat) : a + b = b + a")
OTHER = TheoremProblem(name="and", statement="theorem longer (p q : Prop) (h : p ∧ q) : q ∧ p")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    tiny_models.needs_models()
    root = tmp_path_factory.mktemp("models")
    return {
        "causal": tiny_models.causal_model(root / "causal"),
        "chat": tiny_models.causal_model(root / "chat", chat=True),
        "seq2seq": tiny_models.seq2seq_model(root / "seq2seq"),
    }


def spec(folder: Path, batch: int = 16, **sampling: Any) -> LocalModel:
    chosen = Sampling.model_validate({"max_tokens": 12, **sampling})
    return LocalModel(model=str(folder), sampling=chosen, batch=batch)


def texts(generator: LocalGenerator, count: int = 1, seed: int = 0) -> list[str]:
    [made] = generator.proofs(PROBLEM, count, seed)
    return [proposal.text for proposal in made.proposals]


def prompts(model: TextModel) -> list[tuple[int, ...]]:
    return [model.tokens(proof_messages(PROOF_PLAIN_1, one)) for one in (PROBLEM, OTHER)]


# Batches


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 20), max_size=6), min_size=1, max_size=6), st.integers(1, 5)
)
def test_every_job_gets_its_own_result(groups: list[list[int]], size: int) -> None:
    seen: list[int] = []

    def run(jobs: Sequence[int]) -> list[int]:
        seen.append(len(jobs))
        assert len({job % 2 for job in jobs}) == 1
        return [job * job for job in jobs]

    batches = Batches[int, int](run, size, lambda job: job % 2)
    with ThreadPoolExecutor(len(groups)) as threads:
        found = list(threads.map(batches.results, groups))
    assert found == [[job * job for job in group] for group in groups]
    assert sum(seen) == sum(map(len, groups)) and max(seen, default=0) <= size


def test_what_waits_while_the_model_works_goes_together() -> None:
    started, go = threading.Event(), threading.Event()
    sizes: list[int] = []

    def run(jobs: Sequence[str]) -> Sequence[str]:
        sizes.append(len(jobs))
        started.set()
        assert go.wait(10)
        return jobs

    batches = Batches[str, str](run, 4, lambda _: None)
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(batches.results, ["a"])
        assert started.wait(10)
        others = [threads.submit(batches.results, [f"{n}", f"{n}!"]) for n in range(3)]
        while len(batches._waiting) < 6:
            time.sleep(0.001)
        go.set()
        assert first.result() == ["a"]
        assert [other.result() for other in others] == [[f"{n}", f"{n}!"] for n in range(3)]
    assert sizes == [1, 4, 2]


def test_a_fault_reaches_all_who_wait_for_it_and_nobody_else() -> None:
    def run(jobs: Sequence[int]) -> Sequence[int]:
        if jobs[0] < 0:
            raise BackendUnavailable("down")
        return jobs

    batches = Batches[int, int](run, 8, lambda job: job < 0)
    with pytest.raises(BackendUnavailable):
        batches.results([1, -1])
    assert batches.results([2]) == [2]


# The choice of tokens


def test_greedy_is_what_the_library_says(folders: dict[str, Path]) -> None:
    """The oracle is `generate` itself, for one prompt at a time."""
    import torch

    for kind in ("causal", "seq2seq"):
        model = TextModel(spec(folders[kind], temperature=0))
        asked = prompts(model)
        found = model.draw([Draw(prompt, 12, 0) for prompt in asked])
        for prompt, drawn in zip(asked, found, strict=True):
            alone = model._model.generate(
                torch.tensor([prompt]), max_new_tokens=12, do_sample=False
            )[0]
            new = alone[1:] if kind == "seq2seq" else alone[len(prompt) :]
            assert drawn.text == model._words.decode(new, skip_special_tokens=True)
            assert drawn.tokens == len(new)


def test_the_cost_is_the_negative_log_probability(folders: dict[str, Path]) -> None:
    """The oracle is one forward pass over prompt and answer."""
    import torch

    model = TextModel(spec(folders["causal"], temperature=0.5, top_p=0.9))
    made: list[list[int]] = []
    decoded = model._decoded
    model._decoded = lambda ids: made.append(list(ids)) or decoded(ids)  # type: ignore[func-returns-value, assignment, method-assign]
    asked = prompts(model)
    found = model.draw([Draw(prompt, 12, seed) for seed, prompt in enumerate(asked)])
    for prompt, drawn, new in zip(asked, found, made, strict=True):
        with torch.no_grad():
            logits = model._model(torch.tensor([[*prompt, *new]])).logits[0].log_softmax(-1)
        places = range(len(prompt) - 1, len(prompt) + len(new) - 1)
        whole = -sum(logits[at, token].item() for at, token in zip(places, new, strict=True))
        assert drawn.cost == pytest.approx(whole, rel=1e-4) and drawn.tokens == len(new)


def test_tokens_are_drawn_as_often_as_they_are_likely(folders: dict[str, Path]) -> None:
    """2,000 first tokens against the softmax: chi-squared over tokens expected at least 5 times."""
    import torch
    from torch import tensor

    from aludel.proving.local_decoding import Chooser

    tiny_models.needs_models()
    logits = tensor([2.0, 1.0, 0.5, 0.0, -0.5, -9.0])
    rows = 2_000

    def drawn(**sampling: Any) -> list[int]:
        chooser = Chooser(torch, "cpu", Sampling.model_validate(sampling), range(rows))
        counts: list[int] = (
            chooser(None, logits.repeat(rows, 1)).argmax(-1).bincount(minlength=6).tolist()
        )
        return counts

    for temperature in (1.0, 0.5):
        expected = ((logits / temperature).softmax(-1) * rows).tolist()
        counts = drawn(temperature=temperature)
        pairs = [(o, e) for o, e in zip(counts, expected, strict=True) if e >= 5]
        assert sum((o - e) ** 2 / e for o, e in pairs) < 20  # 5 degrees of freedom: p = 0.0013
    assert drawn(temperature=0.0) == drawn(temperature=None) == [rows, 0, 0, 0, 0, 0]
    # 0.53 + 0.19 reach 0.7; the third token is beyond.
    kept = drawn(temperature=1.0, top_p=0.7)
    assert kept[2:] == [0, 0, 0, 0] and min(kept[:2]) > 0
    assert drawn(temperature=1.0, top_p=0.01) == [rows, 0, 0, 0, 0, 0]


def test_samples_have_seeds_of_their_own(folders: dict[str, Path]) -> None:
    eight = texts(LocalGenerator(spec(folders["causal"])), 8, seed=5)
    one_by_one = LocalGenerator(spec(folders["causal"], batch=1))
    assert texts(one_by_one, 8, seed=5) == eight
    assert texts(one_by_one, 3, seed=5) == eight[:3]
    assert texts(one_by_one, 8, seed=6) != eight and len(set(eight)) > 4


def test_greedy_answers_once_for_all_samples(folders: dict[str, Path]) -> None:
    greedy = LocalGenerator(spec(folders["chat"], temperature=None))
    [made] = greedy.proofs(PROBLEM, 5, 0)
    assert len(made.proposals) == 5 and len(set(made.proposals)) == 1
    assert made.completion_tokens <= 12


def test_tokens_are_counted_and_prompts_hashed(folders: dict[str, Path]) -> None:
    generator = LocalGenerator(spec(folders["causal"]))
    [made] = generator.proofs(PROBLEM, 2, 0)
    messages = proof_messages(PROOF_PLAIN_1, PROBLEM)
    words = generator._model._words
    assert made.prompt_tokens == len(words(plain_text(messages))["input_ids"])
    assert made.prompt_hash == prompt_hash(messages)
    assert 2 <= made.completion_tokens <= 24


def test_stop_strings_end_a_sample(folders: dict[str, Path]) -> None:
    free = LocalGenerator(spec(folders["causal"], max_tokens=40))
    whole = free._model.draw(
        [Draw(free._model.tokens(proof_messages(PROOF_PLAIN_1, PROBLEM)), 40, 7)]
    )
    stop = whole[0].text[6:8]
    held = TextModel(spec(folders["causal"], max_tokens=40, stop=(stop, "never there")))
    [drawn] = held.draw([Draw(held.tokens(proof_messages(PROOF_PLAIN_1, PROBLEM)), 40, 7)])
    assert drawn.text == whole[0].text[: whole[0].text.index(stop)]
    assert 0 < drawn.tokens < whole[0].tokens and 0 < drawn.cost < whole[0].cost


def test_a_prompt_beyond_the_window_gives_no_proposal(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    short, long = map(len, prompts(TextModel(spec(folders["causal"]))))
    assert short + 3 < long
    small = tiny_models.causal_model(tmp_path / "m", window=short + 3)
    generator = LocalGenerator(spec(small))
    [made] = generator.proofs(PROBLEM, 4, 0)
    assert made.prompt_tokens == short and 4 <= made.completion_tokens <= 4 * 3
    [none] = generator.proofs(OTHER, 4, 0)
    assert none.prompt_tokens == long and none.proposals == () and none.completion_tokens == 0


def test_a_chat_template_is_used_where_there_is_one(folders: dict[str, Path]) -> None:
    chat = LocalGenerator(spec(folders["chat"]))
    assert chat.settings["prompts"][0] == "proof/lean-1"
    messages = proof_messages(chat._proof, PROBLEM)
    shown = chat._model._words.decode(chat._model.tokens(messages))
    assert shown.startswith("<|system|>You prove") and shown.endswith("<|assistant|>")
    again = chat.repair(PROBLEM, "by rfl", "1:2: no rfl", 0)
    assert again.prompt_tokens > len(chat._model.tokens(messages))
    chat._model._words.chat_template = "{{ raise_exception('no system turn') }}"
    with pytest.raises(InvalidRequest, match="no system turn"):
        texts(chat)


def test_settings_name_the_weights(folders: dict[str, Path], tmp_path: Path) -> None:
    first = LocalGenerator(spec(folders["causal"]))
    shutil.copytree(folders["causal"], tmp_path / "copy")
    assert LocalGenerator(spec(tmp_path / "copy")).settings == first.settings
    other = tiny_models.causal_model(tmp_path / "other", seed=1)
    assert LocalGenerator(spec(other)).settings["weights"] != first.settings["weights"]
    assert first.name == "transformers/causal"


def test_tactics_of_an_encoder_see_the_state_alone(folders: dict[str, Path]) -> None:
    shown = Goal(case="", hypotheses=(), target="p", pretty="h : p\n⊢ p")
    state = GoalState(session="s", state=0, goals=(shown,))
    generator = LocalGenerator(spec(folders["seq2seq"], temperature=1.0))
    made = generator.tactics(state, 4)
    words = generator._model._words
    assert made.prompt_tokens == len(words("h : p\n⊢ p")["input_ids"])
    costs = [proposal.cost for proposal in made.proposals]
    assert costs == sorted(costs) and all(cost > 0 for cost in costs)


# What is refused


def test_models_that_are_not_there(tmp_path: Path, folders: dict[str, Path]) -> None:
    (tmp_path / "empty").mkdir()
    broken = shutil.copytree(folders["causal"], tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    for wrong in (tmp_path / "gone", tmp_path / "empty", broken, Path("a/b/c")):
        with pytest.raises(InvalidRequest) as caught:
            LocalGenerator(spec(wrong))
        assert caught.value.field == "model"
    for device in ("cuda:99", "abacus"):
        with pytest.raises(InvalidRequest) as caught:
            LocalGenerator(spec(folders["causal"]).model_copy(update={"device": device}))
        assert caught.value.field == "device"


def test_missing_weights_are_not_made_up(tmp_path: Path, folders: dict[str, Path]) -> None:
    from safetensors.torch import load_file, save_file

    holed = shutil.copytree(folders["causal"], tmp_path / "holed")
    weights = load_file(holed / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, holed / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InvalidRequest, match=r"no weights for model\.layers\.1\.mlp"):
        LocalGenerator(spec(holed))


def test_a_hub_that_does_not_answer_is_no_fault_of_the_name(
    monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackendUnavailable, match="does not answer"):
        LocalGenerator(spec(Path("nobody/nothing")))


def test_code_of_a_repository_is_not_run(folders: dict[str, Path], tmp_path: Path) -> None:
    import json

    hostile = shutil.copytree(folders["causal"], tmp_path / "hostile")
    config = json.loads((hostile / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (hostile / "config.json").write_text(json.dumps(config))
    (hostile / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass OwnConfig: pass")
    with pytest.raises(InvalidRequest):
        LocalGenerator(spec(hostile))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [("OutOfMemoryError", "out of memory"), ("allocate", "out of memory"), ("other", "kernel")],
)
def test_faults_of_the_machine_are_errors(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    import torch

    raised = {
        "OutOfMemoryError": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        "allocate": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
        "other": RuntimeError("CUDA error: no kernel image"),
    }[fault]
    generator = LocalGenerator(spec(folders["causal"]))

    def fail(**_: Any) -> None:
        raise raised

    monkeypatch.setattr(generator._model._model, "generate", fail)
    with pytest.raises(BackendUnavailable, match=said):
        texts(generator)


def test_numbers_that_are_none_are_a_fault(folders: dict[str, Path]) -> None:
    generator = LocalGenerator(spec(folders["causal"]))
    generator._model._model.lm_head.weight.data.fill_(math.nan)
    with pytest.raises(BackendUnavailable, match="no number"):
        texts(generator)


def test_without_the_libraries_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ToolchainMissing, match=r"aludel-proofs\[models\]"):
        LocalGenerator(spec(Path("anything")))
