"""``aludel check``: judge one file, or each of several.

Exit codes: 0 accepted, 1 rejected, 2 undecided, 64 bad usage or input, 69 toolchain missing or
broken; of several files the highest.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from aludel.cli.check_files import (
    EXIT_CODES,
    Ask,
    Asked,
    Judge,
    check_files,
    ensure_fits,
    found_files,
    is_one_file,
)
from aludel.cli.options import budget_of, forbid_option, listed, policy_of
from aludel.cli.progress import Lines
from aludel.cli.project import named_by_service, project_option, with_project
from aludel.cli.rendering import error_object, render_verdict
from aludel.cli.source import STANDARD_INPUT, read_source
from aludel.client import Client
from aludel.errors import AludelError, InvalidRequest
from aludel.in_process import InProcess
from aludel.models import (
    CheckRequest,
    Context,
    FStarContext,
    LeanContext,
    Prover,
    Toolchain,
    Verdict,
)
from aludel.provers import build_prover
from aludel.receipts import issue, load_signing_key, sign
from aludel.settings import Settings, load_settings
from aludel.vouching import ensure_confirmed


@click.command(name="check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--prover",
    type=click.Choice([prover.value for prover in Prover]),
    default=Prover.LEAN.value,
    show_default=True,
    help="Which proof assistant decides.",
)
@click.option(
    "--statement",
    help="Header of the declaration that FILE must prove, for example "
    "'theorem swap (a b : Nat) : a + b = b + a'.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Names that the statement or FILE does not bind are errors (Lean).",
)
@click.option("--imports", help="Import set, separated by commas; FILE's own header by default.")
@project_option
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Wall seconds.")
@click.option(
    "--tier",
    type=click.Choice(["fast", "replay"]),
    help="replay: a fresh process that sees only this candidate confirms an acceptance (Lean). "
    "By default fast, with --receipt replay.",
)
@click.option(
    "--second-kernel",
    type=click.Choice(["require", "sample", "off"]),
    default="require",
    show_default=True,
    help="Whether our own kernel has to accept a proof too (Lean).",
)
@forbid_option
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a receipt of the verdict to this new file.",
)
@click.option(
    "--signing-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ed25519 key (PEM) that signs the receipt; `aludel receipt keygen` makes one.",
)
@click.option(
    "--per-declaration", is_flag=True, help="Judge each theorem of each file by itself (Lean)."
)
@click.option("--server", help="URL of an Aludel service that checks; this machine by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a verdict on stdout.")
def command(
    files: tuple[str, ...],
    prover: str,
    statement: str | None,
    strict: bool,
    imports: str | None,
    project: str | None,
    timeout: float,
    tier: Literal["fast", "replay"] | None,
    second_kernel: Literal["require", "sample", "off"],
    forbidden: tuple[str, ...],
    receipt: Path | None,
    signing_key: Path | None,
    per_declaration: bool,
    server: str | None,
    as_json: bool,
) -> int:
    """Judge the text of each FILE, or of standard input when FILE is '-'.

    A FILE may be a folder, whose files are all judged, or a glob.

    Exit codes: 0 accepted, 1 rejected, 2 undecided, 64 bad input, 69 toolchain missing or broken;
    of several files the highest.
    """
    kind, paper = Prover(prover), Paper(receipt, signing_key)

    def ask(file: str, code: str) -> CheckRequest:
        context = _context(kind, imports, file, statement, strict=strict)
        return CheckRequest(
            context=_in_project(context, None if server is None else project),
            statement=statement,
            code=code,
            budget=budget_of(timeout),
            tier=tier or _tier(kind, receipt),
            policy=policy_of(second_kernel, forbidden),
        )

    try:
        settings = with_project(load_settings(), project if server is None else None)
        several = per_declaration or len(files) > 1 or not is_one_file(files[0])
        if several:
            ensure_fits(kind, paper.receipt, statement, per_declaration=per_declaration)
            asked = Asked(ask, settings.max_code_bytes, per_declaration, as_json)
            with _judge(kind, settings, server) as judge:
                return check_files(found_files(files, kind), asked, judge)
    except AludelError as error:
        _tell(error, files[0], as_json=as_json)
        raise
    return _check_one(files[0], ask, (kind, settings, server, paper), as_json=as_json)


def _check_one(
    file: str,
    ask: Ask,
    by: tuple[Prover, Settings, str | None, Paper],
    *,
    as_json: bool,
) -> int:
    name = "<stdin>" if file == STANDARD_INPUT else file
    try:
        request = ask(file, read_source(file, by[1].max_code_bytes))
        verdict = _check(request, *by)
    except AludelError as error:
        _tell(error, name, as_json=as_json)
        raise
    text = verdict.model_dump_json() if as_json else render_verdict(verdict, request.code, name)
    click.echo(text)
    return EXIT_CODES[verdict.kind]


def _tell(error: AludelError, name: str, *, as_json: bool) -> None:
    """Call what is at fault by its name here, and print the error as JSON, if that is wanted."""
    _name_options(error, name)
    if as_json:
        click.echo(json.dumps(error_object(error)))


@contextlib.contextmanager
def _judge(kind: Prover, settings: Settings, server: str | None) -> Iterator[Judge]:
    """Open what judges many requests, in their order."""
    if server is not None:
        with Client(server, key=settings.api_key or None) as client:
            yield client.verify_many
        return
    at_once = settings.pool_size or os.cpu_count() or 1
    with InProcess(build_prover(settings, kind, Lines())) as prover:
        yield lambda requests: prover.check_many(requests, workers=at_once)


@dataclass(frozen=True)
class Paper:
    """The place of a receipt, and the key that signs it."""

    receipt: Path | None
    signing_key: Path | None

    def ensure_written_here(self, server: str | None) -> None:
        """Refuse to write a receipt where a service checks.

        Raises:
            InvalidRequest: one is wanted there.
        """
        if server is not None and self.receipt is not None:
            fix = "ask the service: GET /v1/results/HASH/receipt"
            raise InvalidRequest("this machine did not check", field="--receipt", fix=fix)

    def write(self, toolchain: Toolchain, request: CheckRequest, verdict: Verdict) -> None:
        """Write the receipt, if one is wanted."""
        if self.receipt is None:
            return
        ensure_confirmed(verdict)
        made = issue(toolchain, request, verdict)
        if self.signing_key is not None:
            key = load_signing_key(self.signing_key.read_bytes(), "--signing-key")
            made = sign(made, key)
        try:
            with self.receipt.open("x", encoding="utf-8") as out:
                out.write(made.text() + "\n")
        except OSError as error:
            raise InvalidRequest(
                f"{self.receipt}: {error.strerror}", field="--receipt", fix="name a new file"
            ) from error


def _tier(prover: Prover, receipt: Path | None) -> Literal["fast", "replay"]:
    """The tier where none is named: a receipt needs a confirmed attribution."""
    return "replay" if receipt is not None and prover is Prover.LEAN else "fast"


def _check(
    request: CheckRequest, prover: Prover, settings: Settings, server: str | None, paper: Paper
) -> Verdict:
    paper.ensure_written_here(server)
    if server is not None:
        with Client(server, key=settings.api_key or None) as client:
            return client.check(request)
    with contextlib.closing(build_prover(settings, prover, Lines())) as checker:
        verdict = checker.check(request)
        paper.write(checker.toolchain, request, verdict)
        return verdict


def _context(
    prover: Prover, imports: str | None, file: str, statement: str | None, *, strict: bool
) -> Context:
    if prover is Prover.LEAN:
        options: dict[str, bool | int | str] = {"autoImplicit": False} if strict else {}
        return LeanContext(imports=None if imports is None else listed(imports), options=options)
    for option, given in (("--imports", imports is not None), ("--strict", strict)):
        if given:
            raise InvalidRequest(
                f"means nothing to {prover.value}", field=option, fix="leave it out"
            )
    from aludel.fstar_checker.scaffold import MODULE_PATTERN

    # F* wants module M in M.fst. A single definition has no module of its own, and its file may
    # have a name that no module can have.
    name = Path(file).stem if file.endswith(".fst") else None
    if name is not None and statement is not None and not re.fullmatch(MODULE_PATTERN, name):
        name = None
    return FStarContext(module=name)


def _in_project(context: Context, name: str | None) -> Context:
    """Name a project of the service that is asked; on this machine the prover is the project's."""
    if name is None or isinstance(context, FStarContext):
        return context
    return context.model_copy(update={"project": named_by_service(name)})


def _name_options(error: AludelError, name: str) -> None:
    """Call what is at fault by the name it has on the command line."""
    options = {
        "code": name,
        "statement": "--statement",
        "imports": "--imports",
        "policy.forbidden": "--forbid",
        "context.imports": "--imports",
        "context.module": name,
        "budget.wall_s": "--timeout",
        "tier": "--tier",
        "toolchain": "ALUDEL_TOOLCHAIN",
        "project": "--project",
        "context.project": "--project",
    }
    error.field = options.get(error.field or "", error.field)
