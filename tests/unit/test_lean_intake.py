"""What is refused before a server sees it, with the field at fault named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aludel.candidates import MAX_LINE_CHARS, MAX_LINES, MAX_NESTING, nesting, unfit
from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.intake import validate
from aludel.models import (
    MAX_CODE_BYTES,
    CheckRequest,
    FStarContext,
    LeanContext,
    Rejected,
    RejectReason,
)

CODE = "theorem t : True := trivial\n"


def refusal(installed: Any, **fields: Any) -> InvalidRequest:
    request = CheckRequest(**{"code": CODE, **fields})
    with pytest.raises(InvalidRequest) as caught:
        validate(request, installed)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"statement": ""}, "statement", "empty"),
        ({"statement": "theorem t\0"}, "statement", "NUL"),
        ({"context": FStarContext()}, "context.prover", "fstar"),
        ({"toolchain": "lean-other"}, "toolchain", "lean-other"),
    ],
)
def test_the_field_is_named(
    fake_toolchain: Any, fields: dict[str, Any], field: str, words: str
) -> None:
    error = refusal(fake_toolchain.toolchain, **fields)
    assert error.field == field and words in error.message


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        ("", "parse", "empty"),
        (" \n\t", "parse", "empty"),
        ("a\0b", "parse", "character 1"),
        ("a\ud800", "parse", "character 1"),
        ("x" * 200_001, "too_large", "200001 bytes"),
        ("é" * 100_001, "too_large", "200002 bytes"),
        ("\n" * MAX_LINES + "x", "too_large", f"{MAX_LINES + 1} lines"),
        ("(" * (MAX_NESTING + 1), "too_deep", "nested more than"),
        ("⟨" * MAX_NESTING + "{", "too_deep", "nested more than"),
    ],
)
def test_a_text_that_no_prover_sees_is_rejected_and_says_why(
    fake_checkers: Callable[..., LeanChecker], code: str, reason: str, words: str
) -> None:
    checker = fake_checkers(max_code_bytes=200_000)
    verdict = checker.check(CheckRequest(code=code))
    assert isinstance(verdict, Rejected) and verdict.reason == RejectReason(reason)
    assert words in (verdict.message or "")
    assert checker.pool.stats().started == 0


def test_limits_are_limits_and_not_one_less() -> None:
    for code in ("x" * 200_000, "\n" * (MAX_LINES - 1) + "x", "(" * MAX_NESTING, "()" * 50_000):
        assert unfit(code, 200_000) is None


NOT_MODULES = """
Init Std|Init;|../Init|Init/Data|.Init|Init.|A..B|1nit|«»|-o|import Lean|Lean --run
"""


@pytest.mark.parametrize(
    "name", [*NOT_MODULES.strip().split("|"), "", " ", "Init\nStd", "«a\nb»", "Init\0", "a" * 300]
)
def test_names_of_modules_have_a_syntax(fake_toolchain: Any, name: str) -> None:
    error = refusal(fake_toolchain.toolchain, context=LeanContext(imports=("Init", name)))
    assert error.field == "imports" and "not the name of a module" in error.message


@pytest.mark.parametrize("name", ["Init", "Init.Data.Nat.Basic", "«doc-gen4».A", "Ünï.x'", "_a.b1"])
def test_names_of_modules_that_are(fake_toolchain: Any, name: str) -> None:
    context = LeanContext(imports=(name,))
    request = CheckRequest(code=CODE, context=context)
    assert validate(request, fake_toolchain.toolchain) is context


def test_too_many_imports(fake_toolchain: Any) -> None:
    names = tuple(f"A{n}" for n in range(201))
    assert refusal(fake_toolchain.toolchain, context=LeanContext(imports=names)).field == "imports"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("maxHeartbeats", 0),
        ("debug.skipKernelTC", True),
        ("«maxHeartbeats»", 0),
        ("weak.maxHeartbeats", 0),
        ("weak.debug.skipKernelTC", True),
        ("«weak».«debug».skipKernelTC", True),
        ("a b", True),
        ("pp.all true\nset_option debug.skipKernelTC", True),
        ("pp.x", "a\nb"),
    ],
)
def test_options_that_requests_may_not_set(fake_toolchain: Any, option: str, value: Any) -> None:
    error = refusal(fake_toolchain.toolchain, context=LeanContext(options={option: value}))
    assert error.field and error.field.startswith("options.")


def test_options_that_requests_may_set(fake_toolchain: Any) -> None:
    options = {"autoImplicit": False, "maxRecDepth": 1000, "pp.oneline": True, "weak.x": "y"}
    context = LeanContext(options=options)
    validate(CheckRequest(code=CODE, context=context), fake_toolchain.toolchain)


@given(st.text(alphabet="([{⟨)]}⟩ab\n", max_size=200))
def test_nesting_is_the_deepest_run_of_open_brackets(text: str) -> None:
    depths, depth = [0], 0
    for character in text:
        depth = max(0, depth + (character in "([{⟨") - (character in ")]}⟩"))
        depths.append(depth)
    assert nesting(text) == max(depths)


def test_a_line_that_nobody_writes_is_too_large() -> None:
    why = unfit("ok\n" + "x" * (MAX_LINE_CHARS + 1), MAX_CODE_BYTES)
    assert why is not None
    assert (why.reason, f"a line of {MAX_LINE_CHARS + 1}" in why.message) == ("too_large", True)
    assert unfit("ok\n" + "x" * MAX_LINE_CHARS, MAX_CODE_BYTES) is None
