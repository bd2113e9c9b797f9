"""A corpus of variants, each of a family of its own, that the fake prover's toolchain accepted."""

from __future__ import annotations

from fake_checker import TOOLCHAIN

from aludel.models import Accepted, CheckRequest, Evidence, content_hash
from aludel.records import VariantRecord
from aludel.store import Store


def record_variants(store: Store, count: int) -> None:
    """Record ``count`` variants and the verdicts that they rest on."""
    store.toolchains.register(TOOLCHAIN)
    for number in range(count):
        statement = f"theorem v{number} : {number} = {number}"
        request = CheckRequest(statement=statement, code=f"{statement} := rfl\n")
        key = content_hash(TOOLCHAIN.digest, request)
        store.verdicts.put(request, TOOLCHAIN, Accepted(hash=key, evidence=Evidence()))
        store.variants.add(
            VariantRecord(
                name=f"v{number}",
                statement=statement,
                proof="rfl",
                rule="rw",
                lemma=f"L{number}",
                position="goal",
                parents=(f"T{number}", f"L{number}"),
                imports=("Init",),
                toolchain_digest=TOOLCHAIN.digest,
                verdict_hash=key,
                term_hash=f"t{number}",
                shape_hash=f"s{number}",
            )
        )
