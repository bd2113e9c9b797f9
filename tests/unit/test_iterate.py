"""Expert iteration: its folder, its training command, what proposes in which round."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from fake_checker import FakeChecker

import aludel.proving.run
from aludel.attempts import AttemptOptions, AttemptRun
from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, RunFileError
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio, Sampling
from aludel.models import Prover
from aludel.problems import TheoremProblem
from aludel.progress import Silent
from aludel.proving.iteration import Iteration, IterationPlan, Round, TrainingData, settle
from aludel.proving.run import Attempter, AttemptRunner
from aludel.store import Store

# Writes down how it was called, where a model belongs.
TRAINER = """
import json, pathlib, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = pathlib.Path(options["--out"])
out.mkdir()
(out / "called.json").write_text(json.dumps(options))
"""


def plan(**fields: Any) -> IterationPlan:
    values: dict[str, Any] = {
        "name": "toy",
        "generator": Portfolio(),
        "options": AttemptOptions(),
        "rounds": 2,
        "train": "",
        "seed": 0,
        "test": 0.2,
        "problems": None,
        "held_out": None,
        "given": True,
        "toolchain": "0" * 64,
    }
    return IterationPlan.model_validate({**values, **fields})


def iteration(out: Path, **fields: Any) -> Iteration:
    runner, data = cast("AttemptRunner", Recorder()), cast("TrainingData", None)
    return Iteration(plan(**fields), out, runner, data)


def command(folder: Path, text: str) -> str:
    script = folder / "train it.py"
    script.write_text(text)
    return f"{sys.executable} '{script}'"


def test_a_folder_belongs_to_one_plan(tmp_path: Path) -> None:
    settle(tmp_path / "run", plan())
    settle(tmp_path / "run", plan())
    with pytest.raises(Conflict, match="another plan"):
        settle(tmp_path / "run", plan(rounds=3))
    (tmp_path / "file").touch()
    with pytest.raises(InvalidRequest, match="file"):
        settle(tmp_path / "file", plan())


def test_a_full_disk_is_no_fault_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunFileError, match="No space left") as caught:
        settle(tmp_path / "run", plan())
    assert caught.value.fix == "free space and run the same command again"


def test_each_model_is_trained_once_from_the_one_before(tmp_path: Path) -> None:
    made = iteration(tmp_path, train=command(tmp_path, TRAINER))
    for number in (1, 2):
        made.folder(number).mkdir()
        model = made.train(number, tmp_path / "data")
        assert model == made.folder(number) / "model"
    first, second = (
        json.loads((made.folder(n) / "model" / "called.json").read_text()) for n in (1, 2)
    )
    assert first["--data"] == second["--data"] == str(tmp_path / "data")
    assert "--init" not in first and second["--init"] == str(made.folder(1) / "model")
    assert not made.folder(1).joinpath("model.part").exists()
    assert cast("Recorder", made.runner).closed == 2  # training had the memory for itself

    again = iteration(tmp_path, train=command(tmp_path, "raise SystemExit(3)"))
    assert again.train(2, tmp_path / "data") == made.folder(2) / "model"


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ("raise SystemExit(3)", BackendUnavailable, "status 3"),
        ("pass", BackendUnavailable, "no model"),
        (None, InvalidRequest, "No such file"),
    ],
)
def test_training_that_fails_leaves_no_model(
    tmp_path: Path, script: str | None, error: type[Exception], said: str
) -> None:
    train = "/nowhere/train" if script is None else command(tmp_path, script)
    made = iteration(tmp_path, train=train)
    made.folder(1).mkdir()
    with pytest.raises(error, match=said):
        made.train(1, tmp_path)
    assert not (made.folder(1) / "model").exists()


def test_without_a_command_nothing_is_trained(tmp_path: Path) -> None:
    assert iteration(tmp_path).train(1, tmp_path) is None


class Recorder:
    """A runner that writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.closed = 0
        self.store = self.attempts = self.attempter = self

    def run(
        self, name: str, problems: Sequence[Any], spec: GeneratorSpec, options: AttemptOptions
    ) -> AttemptRun:
        self.asked.append((name, options.seed))
        raise BackendUnavailable(type(spec).__name__)

    def close(self) -> None:
        self.closed += 1


def test_each_round_draws_samples_of_its_own(tmp_path: Path) -> None:
    recorder = Recorder()
    runner, data = cast("AttemptRunner", recorder), cast("TrainingData", None)
    made = Iteration(plan(options=AttemptOptions(seed=7)), tmp_path, runner, data)
    for number in (1, 2):
        with pytest.raises(BackendUnavailable, match="Portfolio"):
            made.measure(number, [])
        with pytest.raises(BackendUnavailable, match="Portfolio"):
            made.attempt(number, [])
    assert recorder.asked == [
        ("toy.1.test", 7), ("toy.1.train", 7), ("toy.2.test", 8), ("toy.2.train", 8),
    ]  # fmt: skip


class Data:
    """One problem of each split, and training sets that hold nothing."""

    def __init__(self) -> None:
        self.written: list[tuple[str, ...]] = []

    def problems(self, split: str) -> Sequence[TheoremProblem]:
        return [TheoremProblem(name=split, statement=f"reject {split}")]

    def write(self, out: Path, runs: Sequence[str]) -> int:
        self.written.append(tuple(runs))
        return len(runs)


def test_a_generator_is_opened_once_for_all_rounds(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[GeneratorSpec] = []
    really = aludel.proving.run.open_generators

    def counted(spec: GeneratorSpec, **more: Any) -> Any:
        opened.append(spec)
        return really(spec, **more)

    monkeypatch.setattr(aludel.proving.run, "open_generators", counted)
    runner = AttemptRunner(FakeChecker(), Attempter(Prover.LEAN), store, Silent())
    data, asked = Data(), plan(options=AttemptOptions(samples=2))
    rounds = list(Iteration(asked, tmp_path, runner, data).rounds())
    assert [(r.round, r.solved, r.proofs) for r in rounds] == [(1, 0, 1), (2, 0, 2)]
    assert data.written == [("toy.1.train",), ("toy.1.train", "toy.2.train")]
    assert [run.done for run in store.attempts.runs()] == [1] * 4
    assert opened == [Portfolio()]


@pytest.mark.parametrize(
    ("first", "sampling"),
    [
        (Portfolio(), Sampling(max_tokens=512)),
        (Endpoint(url="http://x/v1", model="m", sampling=Sampling(top_p=0.5)), Sampling(top_p=0.5)),
        (LocalModel(model="tiny", sampling=Sampling(top_p=0.5)), Sampling(top_p=0.5)),
    ],
)
def test_later_rounds_ask_the_model_that_was_trained(
    tmp_path: Path, first: GeneratorSpec, sampling: Sampling
) -> None:
    trained = iteration(tmp_path, generator=first, train="train")
    assert trained.generator(1) == first
    second = trained.generator(2)
    assert isinstance(second, LocalModel)
    assert second.model == str(trained.folder(1) / "model") and second.sampling == sampling
    assert iteration(tmp_path, generator=first).generator(2) == first


def test_figures_of_a_round() -> None:
    share = {"value": 0.5, "low": 0.2, "high": 0.8, "count": 10}
    one = Round(round=1, generator="g", held_out={"pass_at_k": {"1": share}})
    found = one.pass_at(1)
    assert found is not None and found.value == 0.5 and one.pass_at(8) is None
