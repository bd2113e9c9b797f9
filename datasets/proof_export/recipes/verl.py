"""Recipe ``verl``: theorems to be proved, in the columns that verl's data sets have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pydantic import Field

from aludel.models import Model
from aludel.proof_export.chats import Messages, asked
from aludel.proof_export.feeds import VARIANTS
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Int64, Row
from aludel.records import VariantRecord

DATA_SOURCE = "aludel/lean"
ABILITY = "theorem_proving"


class RewardModel(Model):
    """What a reward function is given: ``ground_truth`` is the statement to be proved."""

    style: str = "rule"
    ground_truth: str


class ExtraInfo(Model):
    """What a reward function may need besides; ``index`` is a number made of the name."""

    index: Int64
    name: str
    imports: tuple[str, ...]


class VerlRow(Row):
    """A theorem as a task of reinforcement learning, without its proof."""

    data_source: str = Field(description=f"`{DATA_SOURCE}`, by which verl chooses the reward.")
    prompt: Messages = Field(description="`system` and `user`, who ask for the proof.")
    ability: str = Field(description=f"`{ABILITY}`.")
    reward_model: RewardModel = Field(
        description="`style` is `rule`, `ground_truth` the statement to be proved."
    )
    extra_info: ExtraInfo = Field(
        description="`name`, `imports` to check under, `index`, a number made of the name."
    )


def _rows(record: VariantRecord) -> Iterator[VerlRow]:
    if record.preamble:  # no problem by itself: its proof needs the declarations before it
        return
    digest = hashlib.sha256(record.name.encode("utf-8", "surrogatepass")).digest()
    yield VerlRow(
        data_source=DATA_SOURCE,
        prompt=asked(record.statement, record.imports),
        ability=ABILITY,
        reward_model=RewardModel(ground_truth=record.statement),
        extra_info=ExtraInfo(
            index=int.from_bytes(digest[:4], "big"), name=record.name, imports=record.imports
        ),
    )


RECIPE = Recipe(
    name="verl",
    summary="Theorems to be proved, without proofs, in verl's columns, for reinforcement learning.",
    feed=VARIANTS,
    row=VerlRow,
    rows=_rows,
    by_default=False,
)
