"""Expert iteration: rounds of attempt, verify, add to the dataset, export, train.

After Polu and others, "Formal Mathematics Statement Curriculum Learning" (2022). Each step leaves
something behind, a run of attempts in the store or a folder that appears whole, and is not repeated
when it is there; so a run that was stopped goes on.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aludel.attempt_figures import figures
from aludel.attempts import AttemptOptions, ProblemOutcome
from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, RunFileError
from aludel.estimate import Estimate
from aludel.generators import GeneratorSpec, LocalModel, Sampling
from aludel.models import Model
from aludel.problems import Problem
from aludel.proving.run import AttemptRunner

_PLAN = "plan.json"


class IterationPlan(Model):
    """The plan of an iteration: what it depends on besides the recorded variants.

    Attributes:
        name: what its runs of attempts are filed under.
        generator: what proposes in the first round.
        options: how problems are attempted.
        rounds: how often.
        train: command that trains a model; gets ``--data``, ``--out`` and later ``--init``.
        seed, test: of the division by lineage into train and test.
        problems, held_out: at most so many of each, by name.
        given: whether the variants' own proofs are trained on, too.
        toolchain: digest of the toolchain whose variants these are.
    """

    name: str
    generator: GeneratorSpec
    options: AttemptOptions
    rounds: int
    train: str
    seed: int
    test: float
    problems: int | None
    held_out: int | None
    given: bool
    toolchain: str


class Round(Model):
    """The result of one round.

    Attributes:
        round: from 1; after training there is one more, which only measures.
        generator: what proposed.
        held_out: figures of the attempts on problems of the test split.
        solved: problems of the train split with an accepted proof, of this and earlier rounds.
        proofs: accepted proofs that the training set was given, equal ones once.
        dataset, model: folders that the round made.
    """

    round: int
    generator: str
    held_out: dict[str, Any]
    solved: int | None = None
    proofs: int | None = None
    dataset: str | None = None
    model: str | None = None

    def pass_at(self, k: int) -> Estimate | None:
        """Return pass@k on the held-out problems, if there were samples enough."""
        found = self.held_out["pass_at_k"].get(str(k))
        return None if found is None else Estimate.model_validate(found)


class TrainingData(Protocol):
    """The source of problems and training sets; ``proof_export.training`` is one."""

    def problems(self, split: str) -> Sequence[Problem]:
        """Return the problems of the split ``train`` or ``test``, by name."""
        ...

    def write(self, out: Path, runs: Sequence[str]) -> int:
        """Write the training set with what these runs proved, unless it is there.

        Returns:
            How many proofs of the runs it holds, equal ones counted once.

        Raises:
            NotFound: there is no proof to train on.
        """
        ...


def settle(out: Path, plan: IterationPlan) -> None:
    """Make the folder of a run, or make sure that it is this plan's.

    Raises:
        Conflict: the folder holds a run with another plan.
        InvalidRequest: a file is in its place.
        RunFileError: the disk is full or read-only.
    """
    path, text = out / _PLAN, plan.model_dump_json(indent=2) + "\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text, encoding="utf-8")
        kept = path.read_text(encoding="utf-8")
    except (FileExistsError, NotADirectoryError) as error:
        raise InvalidRequest(
            f"{out}: {error.strerror}", field="--out", fix="choose another folder"
        ) from error
    except OSError as error:
        raise RunFileError(
            f"{out}: {error.strerror}",
            field="--out",
            fix="free space and run the same command again",
        ) from error
    if kept != text:
        raise Conflict(
            f"{out} holds a run with another plan", field="--out", fix="choose another folder"
        )


@dataclass(frozen=True, slots=True)
class Iteration:
    """A run of expert iteration.

    Attributes:
        plan: what to do.
        out: its folder.
        runner: prover and store.
        data: problems and training sets.
    """

    plan: IterationPlan
    out: Path
    runner: AttemptRunner
    data: TrainingData

    def rounds(self) -> Iterator[Round]:
        """Carry out the rounds that are not done, and yield all of them.

        Raises as :meth:`attempt` and :meth:`train`, and:
            NotFound: there is no proof to train on.
        """
        plan = self.plan
        problems = self.data.problems("train")[: plan.problems]
        held_out = self.data.problems("test")[: plan.held_out]
        for number in range(1, plan.rounds + 1):
            measured = self.measure(number, held_out)
            solved = self.attempt(number, problems)
            dataset = self.folder(number) / "dataset"
            proofs = self.data.write(dataset, [self.train_run(n) for n in range(1, number + 1)])
            model = self.train(number, dataset)
            update = {"solved": solved, "proofs": proofs, "dataset": str(dataset)}
            yield measured.model_copy(update={**update, "model": model and str(model)})
        if plan.train:
            yield self.measure(plan.rounds + 1, held_out)

    def measure(self, number: int, held_out: Sequence[Problem]) -> Round:
        """Attempt the held-out problems with the generator of a round; raises as ``attempt``."""
        name = f"{self.plan.name}.{number}.test"
        shown = self._attempted(name, number, held_out)
        return Round(round=number, generator=shown["generator"], held_out=shown)

    def attempt(self, number: int, problems: Sequence[Problem]) -> int:
        """Attempt the problems of train; return how many this and earlier rounds solved.

        Raises:
            Conflict: there is a run of this name with another plan.
            BackendUnavailable: prover or generator failed; another call goes on.
        """
        self._attempted(self.train_run(number), number, problems)
        return len({o.problem for n in range(1, number + 1) for o in self._solved(n)})

    def train(self, number: int, data: Path) -> Path | None:
        """Train the next round's model on a dataset, unless that is done; None without a command.

        Raises:
            InvalidRequest: there is no such command.
            BackendUnavailable: it failed.
        """
        model = self.folder(number) / "model"
        if not self.plan.train:
            return None
        if not model.exists():
            part = model.with_name("model.part")
            shutil.rmtree(part, ignore_errors=True)
            self.runner.attempter.close()  # training needs the memory of the last model
            command = [*shlex.split(self.plan.train), "--data", str(data), "--out", str(part)]
            before = self.generator(number)
            _ran([*command, "--init", before.model] if isinstance(before, LocalModel) else command)
            if not part.is_dir():
                raise BackendUnavailable(
                    "the training command made no model", fix="have it write the folder --out"
                )
            part.rename(model)
        return model

    def generator(self, number: int) -> GeneratorSpec:
        """The generator of a round: the first one, or the model that was trained last."""
        first = self.plan.generator
        if number == 1 or not self.plan.train:
            return first
        model = str(self.folder(number - 1) / "model")
        if isinstance(first, LocalModel):
            return first.model_copy(update={"model": model})
        return LocalModel(
            model=model, sampling=getattr(first, "sampling", Sampling(max_tokens=512))
        )

    def folder(self, number: int) -> Path:
        """The folder of a round."""
        return self.out / f"round-{number:02d}"

    def train_run(self, number: int) -> str:
        """The name of the run that attempts the problems of train in a round."""
        return f"{self.plan.name}.{number}.train"

    def _attempted(self, name: str, number: int, problems: Sequence[Problem]) -> dict[str, Any]:
        # Each round draws samples of its own, also from a generator that stays as it is.
        seed = self.plan.options.seed + number - 1
        options = self.plan.options.model_copy(update={"seed": seed})
        made = self.runner.run(name, problems, self.generator(number), options)
        outcomes = self.runner.store.attempts.outcomes(name)
        return figures(made, outcomes).model_dump(mode="json")

    def _solved(self, number: int) -> list[ProblemOutcome]:
        outcomes = self.runner.store.attempts.outcomes(self.train_run(number))
        return [outcome for outcome in outcomes if outcome.accepted]


def _ran(command: list[str]) -> None:
    """Run the training command; what it prints is for people."""
    try:
        done = subprocess.run(command, stdout=sys.stderr, check=False)
    except OSError as error:
        raise InvalidRequest(
            f"{command[0]}: {error.strerror}", field="--train", fix="name a program that exists"
        ) from error
    if done.returncode:
        raise BackendUnavailable(
            f"the training command ended with status {done.returncode}", fix=shlex.join(command)
        )
