"""Problems from a project's own sources, found lexically and marked as such.

F* offers no tool in every version that lists a file's definitions with their elaborated types, so a
definition becomes a problem only where its source declares the type: a ``val`` before the ``let``.
Effects, premises and the elaborated type stay unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aludel.errors import InvalidRequest
from aludel.fstar_checker.dataset import Definition, Open, read_text
from aludel.fstar_checker.lexer import Kind, blank_comments, position
from aludel.fstar_checker.scaffold import module_of
from aludel.fstar_checker.structure import Declaration, split_declarations

LEXICAL = "lexical"


def extract_project(folder: Path, project_name: str) -> Iterator[Definition]:
    """Yield the problems of every ``.fst`` file below ``folder``, in the order of paths.

    Raises:
        InvalidRequest: ``folder`` holds no F* source, or a file cannot be read.
    """
    paths = sorted(folder.rglob("*.fst"))
    if not paths:
        raise InvalidRequest("holds no .fst file", field=str(folder))
    for path in paths:
        yield from extract_file(read_text(path), path.name, project_name)


def extract_file(text: str, file_name: str, project_name: str | None = None) -> list[Definition]:
    """Return the problems of one file: every ``let`` whose type a ``val`` before it declares."""
    module = module_of(text)
    if module is None:
        return []
    clean = blank_comments(text)
    vals: dict[str, Declaration] = {}
    opens: list[Open] = []
    found = []
    for declaration in split_declarations(clean):
        opens = [*_opened(declaration), *opens]
        if declaration.keyword == "val" and declaration.names:
            vals[declaration.names[0]] = declaration
        elif declaration.keyword == "let" and len(declaration.names) == 1:
            val = vals.get(declaration.names[0])
            if val is not None:
                fields = {
                    **_definition(text, val, declaration),
                    "name": f"{module}.{declaration.names[0]}",
                    "file_name": file_name,
                    "project_name": project_name,
                    "opens_and_abbrevs": [o.model_dump(exclude_none=True) for o in opens],
                }
                found.append(Definition.model_validate(fields))
    return found


def _opened(declaration: Declaration) -> list[Open]:
    texts = [t.text for t in declaration.tokens]
    if declaration.keyword == "open" and len(texts) > 1:
        return [Open(open=texts[1])]
    if declaration.keyword == "module" and len(texts) > 3 and texts[2] == "=":
        return [Open(abbrev=texts[1], full_module=texts[3])]
    return []


def _definition(text: str, val: Declaration, let: Declaration) -> dict[str, object]:
    """What the text itself says about a definition."""
    start, end = position(text, let.start), position(text, let.end)
    place = {
        "start_line": start.line,
        "start_col": start.column,
        "end_line": end.line,
        "end_col": end.column,
    }
    return {
        "source_type": blank_comments(text)[val.start : val.end],
        "source_definition": text[let.start : let.end],
        "source_range": place,
        "file_context": _without(text[: let.start], val),
        "is_proof": _is_lemma(val),
        "is_simply_typed": _is_simple(val),
        "extraction": LEXICAL,
    }


def _without(text: str, val: Declaration) -> str:
    """The text before a definition, its own ``val`` blanked: the checker declares that itself."""
    inside = text[val.start : val.end]
    return text[: val.start] + "".join(c if c == "\n" else " " for c in inside) + text[val.end :]


def _is_lemma(val: Declaration) -> bool:
    return any(t.kind is Kind.IDENT and t.name in ("Lemma", "squash") for t in val.tokens)


def _is_simple(val: Declaration) -> bool:
    """No refinement, no lemma and no named binder: a guess from tokens, not F*'s own judgement."""
    texts = {t.text for t in val.tokens}
    colons = sum(t.text == ":" for t in val.tokens)
    return not texts & {"{", "Lemma", "Pure", "GTot", "requires", "ensures"} and colons == 1
