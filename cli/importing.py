"""``aludel import``: problems and theorems that others have published."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from aludel.fstar_checker.dataset import write_text
from aludel.jsonl import line
from aludel.proof_import import FORMATS, Imported, import_records

_SHOWN = 20
_SOME_BAD = 1


@click.command(name="import")
@click.argument("format_name", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Problems, one JSON object a line, as `aludel attempts run` takes them.",
)
@click.option(
    "--theorems",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write theorems with their tactics, states and premises (LeanDojo).",
)
@click.option("--split", help="Only what the source puts into this split.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    format_name: str,
    path: Path,
    out: Path,
    theorems: Path | None,
    split: str | None,
    as_json: bool,
) -> None:
    """Import PATH, in FORMAT: leandojo, leandojo-repo, minif2f or popai.

    Bad records are named with their place and the reason, and the rest is kept; the exit code is
    then 1.
    """
    found = import_records(format_name, path)
    problems = _problems(found, split)
    write_text(out, _lines(problems))
    kept = [t.model_dump(mode="json") for t in found.theorems if split in (None, t.split)]
    if theorems is not None:
        write_text(theorems, _lines(kept))
    _report(found, len(problems), len(kept), as_json=as_json)
    if found.bad:
        sys.exit(_SOME_BAD)


def _problems(found: Imported, split: str | None) -> list[dict[str, Any]]:
    """Return problems of Lean, or PoPAI's rows, which are what F* attempts take."""
    chosen = [p for p in found.problems if split in (None, p.split)]
    return [p.model_dump(mode="json", exclude_defaults=True) for p in chosen] + found.definitions


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(line(row) + "\n" for row in rows)


def _report(found: Imported, problems: int, theorems: int, *, as_json: bool) -> None:
    if as_json:
        bad = [{"where": record.where, "reason": record.reason} for record in found.bad]
        click.echo(json.dumps({"problems": problems, "theorems": theorems, "bad": bad}))
        return
    for record in found.bad[:_SHOWN]:
        click.echo(f"{record.where}: {record.reason}", err=True)
    if len(found.bad) > _SHOWN:
        click.echo(f"and {len(found.bad) - _SHOWN} more; --json has them all", err=True)
    traced = f", {theorems} theorems with tactics" if found.theorems else ""
    click.echo(f"{problems} problems{traced}; {len(found.bad)} bad records left out")
