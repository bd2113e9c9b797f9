"""``aludel search``: find lemmas of an import set.

Exit codes: 0 something was found, 1 nothing was, 2 a budget ran out before anything was found, 64
bad usage or input, 69 toolchain missing or broken.
"""

from __future__ import annotations

import contextlib
import json

import click

from aludel.cli.options import listed
from aludel.cli.project import project_option, with_project
from aludel.cli.remote import search_through
from aludel.errors import InvalidRequest
from aludel.lemma_search import MOST_LEMMAS, FoundLemma, LemmaSearch, LemmasFound, search_of
from aludel.provers import build_prover
from aludel.proving.lemmas import open_library
from aludel.settings import load_settings

_NOTHING, _UNDECIDED = 1, 2


@click.command(name="search")
@click.argument("text", default="")
@click.option(
    "--pattern",
    default="",
    help="A term with holes that stands in the lemmas, for example '_ + _ = _ + _'; the same ?a "
    "twice is the same term. After ⊢ it is the whole conclusion.",
)
@click.option("--name", default="", help="A part of their names, or a glob: 'List.*_append'.")
@click.option("--words", default="", help="English words of their names and docstrings.")
@click.option("--proves", default="", help="A statement, goal or proposition that they may prove.")
@click.option("--imports", default="Init", show_default=True, help="Separated by commas.")
@project_option
@click.option(
    "--count",
    type=click.IntRange(1, MOST_LEMMAS),
    default=10,
    show_default=True,
    help="Lemmas at most.",
)
@click.option(
    "--timeout",
    type=float,
    default=30.0,
    show_default=True,
    help="Wall seconds, once the index of the imports is made.",
)
@click.option("--server", help="URL of an Aludel service that searches; this machine by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    text: str,
    pattern: str,
    name: str,
    words: str,
    proves: str,
    imports: str,
    project: str | None,
    count: int,
    timeout: float,
    server: str | None,
    as_json: bool,
) -> int:
    """Find lemmas by symbols, pattern, name, words, or by what they would prove.

    They meet every criterion given; those of TEXT share symbols with it.

    They are ranked by the first criterion given of: --proves, TEXT, --words, --pattern, --name.
    """
    asked = search_of(
        text=text,
        pattern=pattern,
        name=name,
        words=words,
        proves=proves,
        imports=listed(imports) or ("Init",),
        count=count,
        wall_s=timeout,
    )
    found = _found(asked, project, server)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False))
    else:
        _show(found)
    if found.lemmas:
        return 0
    return _NOTHING if found.complete else _UNDECIDED


def _found(asked: LemmaSearch, project: str | None, server: str | None) -> LemmasFound:
    if server is None:
        settings = with_project(load_settings(), project)
        with contextlib.closing(build_prover(settings)) as prover:
            return open_library(prover, settings).search(asked)
    if project is not None:
        raise InvalidRequest(
            "a service searches its own toolchain",
            field="--project",
            fix="leave it out, or search on this machine",
        )
    return search_through(server, asked)


def _show(found: LemmasFound) -> None:
    for lemma in found.lemmas:
        click.echo(_line(lemma))
    if found.message is not None:
        click.echo(found.message, err=True)
    elif not found.lemmas:
        click.echo("no lemma meets every criterion", err=True)


def _line(lemma: FoundLemma) -> str:
    lines = [f"{lemma.name} : {lemma.statement}"]
    if lemma.doc:
        lines.append(f"  {lemma.doc}")
    lines.extend(f"  left: {premise}" for premise in lemma.premises_left or ())
    return "\n".join(lines)
