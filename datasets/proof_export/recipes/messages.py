"""Recipe ``messages``: a conversation that ends in the accepted proof, for chat fine-tuning."""

from __future__ import annotations

from pydantic import Field

from aludel.proof_export.chats import TEMPLATE, Messages, answered, asked
from aludel.proof_export.feeds import VARIANTS
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Row
from aludel.records import VariantRecord


class MessagesRow(Row):
    """A theorem asked for and proved; what the assistant says holds what was checked."""

    name: str = Field(description="Name of the theorem; one toolchain has it once.")
    messages: Messages = Field(
        description="`system` and `user` ask for the proof, `assistant` gives it in a code block."
    )
    template: str = Field(description=f"Name and version of the prompt: `{TEMPLATE.name}`.")
    statement: str = Field(description="Header of the declaration alone.")
    imports: tuple[str, ...] = Field(description="Modules under which it is accepted.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: VariantRecord) -> tuple[MessagesRow]:
    return (
        MessagesRow(
            name=record.name,
            messages=(*asked(record.statement, record.imports), answered(record.code)),
            template=TEMPLATE.name,
            statement=record.statement,
            imports=record.imports,
            toolchain_digest=record.toolchain_digest,
        ),
    )


RECIPE = Recipe(
    name="messages",
    summary="A chat that asks for a proof and gives it, for supervised fine-tuning of chat models.",
    feed=VARIANTS,
    row=MessagesRow,
    rows=_rows,
    by_default=False,
)
