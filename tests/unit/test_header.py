"""The modules that a text imports, read without Lean."""

from __future__ import annotations

import pytest

from aludel.lean_checker.header import header_imports


@pytest.mark.parametrize(
    ("code", "imports"),
    [
        ("", ()),
        ("theorem t : True := trivial", ()),
        ("import Mathlib\ntheorem t : True := trivial", ("Mathlib",)),
        (
            "import Init.Data import Std -- import A\nimport B\n\ndef x := 1",
            ("Init.Data", "Std", "B"),
        ),
        ("/- import A /- nested -/ import B -/\nimport C\n/-! import D -/\nimport E", ("C",)),
        ("module\nprelude\npublic import A\nmeta import all B.C\npublic section", ("A", "B.C")),
        ("import «A».B\nopen A", ("A.B",)),
        ("theorem import_it : True := trivial\nimport A", ()),
        ("/- never closed import A", ()),
        ("import", ()),
    ],
)
def test_what_stands_at_the_head(code: str, imports: tuple[str, ...]) -> None:
    assert header_imports(code) == imports
