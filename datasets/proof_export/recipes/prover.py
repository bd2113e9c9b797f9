"""Recipe ``prover``: the columns in which DeepSeek-Prover-V1 and others publish proofs."""

from __future__ import annotations

import re

from pydantic import Field

from aludel.proof_export.feeds import VARIANTS
from aludel.proof_export.recipes.base import Recipe
from aludel.proof_export.rows import Row
from aludel.records import VariantRecord

# Tactics begin behind ``:= by``; a term, which has no such place, behind ``:=``.
_OPENING = re.compile(r"\s*:= by(?![\w'.!?«])|\s*:=")


class ProverRow(Row):
    """A theorem in three parts, which joined are the file that was accepted."""

    name: str = Field(description="Name of the theorem; one toolchain has it once.")
    header: str = Field(description="Imports, and the declarations before the theorem.")
    formal_statement: str = Field(
        description="The declaration up to `:= by`, or to `:=` where the proof is a term."
    )
    formal_proof: str = Field(description="The rest: tactics, or a term.")
    toolchain_digest: str = Field(description="SHA-256 of the toolchain that accepted it.")


def _rows(record: VariantRecord) -> tuple[ProverRow]:
    imports = "".join(f"import {module}\n" for module in record.imports)
    theorem = record.code.removeprefix(record.preamble)
    opening = _OPENING.match(theorem, len(record.statement.rstrip()))
    cut = opening.end() if opening else len(theorem)
    return (
        ProverRow(
            name=record.name,
            header=f"{imports}\n{record.preamble}",
            formal_statement=theorem[:cut],
            formal_proof=theorem[cut:],
            toolchain_digest=record.toolchain_digest,
        ),
    )


RECIPE = Recipe(
    name="prover",
    summary="Header, statement and proof in the columns of DeepSeek-Prover's and others' sets.",
    feed=VARIANTS,
    row=ProverRow,
    rows=_rows,
    by_default=False,
)
