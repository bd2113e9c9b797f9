"""A repository as LeanDojo 4.20 leaves it behind: a Git checkout with a traced file."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from xml.sax.saxutils import quoteattr

SOURCE = """\
/-- A comment. -/
theorem Apple.swap (a b : Nat) : a + b = b + a := by
  rw [Nat.add_comm]
"""
_BEFORE = "a b : Nat\n⊢ a + b = b + a"


def _node(tag: str, *children: str, **attributes: str) -> str:
    shown = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{tag}{shown}>{''.join(children)}</{tag}>"


def _ident(text: str, start: str, end: str, **more: str) -> str:
    plain = {"leading": "", "trailing": " ", "raw_val": text, "val": text}
    return _node("IdentNode", start=start, end=end, **plain, **more)


def _xml(path: str) -> str:
    premise = _ident(
        "Nat.add_comm", "(3, 7)", "(3, 19)", full_name="Nat.add_comm",
        mod_name="Init.Data.Nat.Basic", def_start="(10, 1)", def_end="(10, 9)",
        def_path=".lake/packages/lean4/src/lean/Init/Data/Nat/Basic.lean",
    )  # fmt: skip
    place = {"start": "(3, 3)", "end": "(3, 20)"}
    tactic = _node(
        "OtherNode", premise, kind="Lean.Parser.Tactic.tacticRw", state_before=_BEFORE,
        state_after="no goals", tactic="rw [Nat.add_comm]", **place,
    )  # fmt: skip
    sequence = _node("TacticTacticseq1IndentedNode", _node("NullNode", tactic, **place), **place)
    by = _node("AtomNode", start="(2, 51)", end="(2, 53)", leading="", trailing=" ", val="by")
    proof = _node(
        "TermBytacticNode", by, _node("TacticTacticseqNode", sequence, **place),
        start="(2, 51)", end="(3, 20)",
    )  # fmt: skip
    atom = {"leading": "", "trailing": " "}
    theorem = _node(
        "CommandTheoremNode",
        _node("AtomNode", start="(2, 1)", end="(2, 8)", val="theorem", **atom),
        _node("CommandDeclidNode", _ident("Apple.swap", "(2, 9)", "(2, 19)")),
        _node("CommandDeclsigNode", start="(2, 20)", end="(2, 47)"),
        _node(
            "CommandDeclvalsimpleNode",
            _node("AtomNode", start="(2, 48)", end="(2, 50)", val=":=", **atom),
            proof, start="(2, 48)", end="(3, 20)",
        ),
        start="(2, 1)", end="(3, 20)", name="Apple.swap", full_name="Apple.swap",
    )  # fmt: skip
    tree = _node("FileNode", theorem, start="(1, 1)", end="(4, 1)")
    comments = _node(
        "Comments", _node("Comment", start="(1, 1)", end="(1, 18)", text="/-- A comment. -/")
    )
    md5 = hashlib.md5(SOURCE.encode(), usedforsecurity=False).hexdigest()
    return _node("TracedFile", tree, comments, path=path, md5=md5)


def write_traced_repository(folder: Path) -> Path:
    """Make the repository in ``folder`` and return it."""
    traced = folder / ".lake" / "build" / "ir"
    traced.mkdir(parents=True)
    (folder / "Apple.lean").write_text(SOURCE, encoding="utf-8")
    (folder / "lean-toolchain").write_text("leanprover/lean4:v4.20.0\n")
    (traced / "Apple.trace.xml").write_text(_xml("Apple.lean"), encoding="utf-8")
    (traced / "Broken.trace.xml").write_text("<TracedFile>", encoding="utf-8")
    (folder / ".gitignore").write_text(".lake\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "traced"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder
