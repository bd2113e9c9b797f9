"""``aludel receipt``: verify receipts, and make the key that signs them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aludel.cli.groups import Group
from aludel.errors import InvalidRequest
from aludel.jsonl import lines_of
from aludel.models import FStarContext, Prover
from aludel.protocols import Checker
from aludel.provers import build_prover
from aludel.receipts import (
    Receipt,
    differences,
    load_public_key,
    parse_receipt,
    rerun_differences,
    rerun_request,
)
from aludel.settings import load_settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_PATH = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(name="receipt", cls=Group)
def command() -> None:
    """Verify receipts, or make the key that signs them."""


@command.command(name="verify")
@click.argument("files", nargs=-1, required=True, type=_PATH)
@click.option("--key", "key_file", type=_PATH, help="Public key (PEM) that must have signed.")
@click.option("--rerun", is_flag=True, help="Check each proof again with this installation.")
def verify(files: tuple[Path, ...], key_file: Path | None, rerun: bool) -> int:
    """Verify the receipts in FILES, one JSON object a line.

    Exit codes: 0 all hold, 1 some do not (the fields that differ are named), 64 bad input.
    """
    key = None if key_file is None else load_public_key(key_file.read_bytes(), str(key_file))
    bad = count = 0
    with contextlib.ExitStack() as stack:
        checker: Checker | None = None
        for name, receipt in _receipts(files):
            count += 1
            if rerun and checker is None:
                checker = stack.enter_context(contextlib.closing(_checker(receipt)))
            found = _problems(receipt, key, checker)
            bad += bool(found)
            if found:
                click.echo(f"{name}: differs in {', '.join(found)}", err=True)
    click.echo(json.dumps({"receipts": count, "valid": count - bad, "invalid": bad}))
    return 1 if bad else 0


@command.command(name="keygen")
@click.argument("file", type=click.Path(path_type=Path))
def keygen(file: Path) -> None:
    """Make an Ed25519 key in FILE (for its owner's eyes only) and its public half in FILE.pub."""
    click.echo(str(make_key(file)))


def make_key(file: Path) -> Path:
    """Make a key in a new file; return that of its public half.

    Raises:
        InvalidRequest: one of the files exists, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    public_file = file.with_name(file.name + ".pub")
    try:
        _write_new(file, private, 0o600)
        _write_new(public_file, public, 0o644)
    except OSError as error:
        raise InvalidRequest(
            f"cannot be made: {error.strerror}", field=str(error.filename), fix="name another file"
        ) from error
    return public_file


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _receipts(files: tuple[Path, ...]) -> Iterator[tuple[str, Receipt]]:
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidRequest("not a text in UTF-8", field=str(path)) from error
        for number, line in lines_of(text):
            name = f"{path}:{number}"
            yield name, parse_receipt(line, name)


def _problems(receipt: Receipt, key: Ed25519PublicKey | None, checker: Checker | None) -> list[str]:
    found = differences(receipt, key)
    if checker is None:
        return found
    verdict = checker.check(rerun_request(receipt))
    again = rerun_differences(receipt, checker.toolchain, verdict)
    return [*found, *(name for name in again if name not in found)]


def _checker(receipt: Receipt) -> Checker:
    """The checker of the first receipt's prover; all receipts of one call must be of one prover."""
    fstar = isinstance(receipt.request.context, FStarContext)
    return build_prover(load_settings(), Prover.FSTAR if fstar else Prover.LEAN)
