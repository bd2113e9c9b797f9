"""Receipts: what is written can be verified, and whatever is changed afterwards is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aludel.cli.main import cli
from aludel.errors import InvalidRequest
from aludel.models import Accepted, CheckRequest, Evidence, Prover, Toolchain, content_hash
from aludel.receipts import (
    Receipt,
    differences,
    issue,
    load_public_key,
    load_signing_key,
    parse_receipt,
    rerun_differences,
    sign,
)

TOOLCHAIN = Toolchain(
    prover=Prover.LEAN, name="lean-fake", version="1", kind="embedded", digest="d" * 64
)
REQUEST = CheckRequest(statement="theorem t : True", code="theorem t : True := trivial\n")


def accepted(request: CheckRequest = REQUEST) -> Accepted:
    return Accepted(
        evidence=Evidence(statement_match="identical", declarations=("t",)),
        hash=content_hash(TOOLCHAIN.digest, request),
    )


def receipt() -> Receipt:
    return issue(TOOLCHAIN, REQUEST, accepted())


def changed(path: str, value: Any) -> Receipt:
    fields = json.loads(receipt().text())
    *parents, last = path.split(".")
    inner = fields
    for name in parents:
        inner = inner[name]
    assert inner[last] != value
    inner[last] = value
    return parse_receipt(json.dumps(fields), "changed")


def test_a_receipt_survives_its_text_and_verifies() -> None:
    again = parse_receipt(receipt().text(), "r")
    assert again == receipt().model_copy(update={"issued": again.issued, "digest": again.digest})
    assert differences(again) == []


def test_a_verdict_of_another_request_gets_no_receipt() -> None:
    with pytest.raises(InvalidRequest) as caught:
        issue(TOOLCHAIN, REQUEST, accepted(REQUEST.model_copy(update={"code": "theorem u"})))
    assert caught.value.field == "verdict.hash"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("request.code", "axiom t : True", "code_hash"),
        ("request.statement", "theorem t : False", "statement_hash"),
        ("request.policy.allow_native_decide", True, "verdict.hash"),
        ("toolchain.digest", "e" * 64, "verdict.hash"),
        ("code_hash", "0" * 64, "code_hash"),
        ("issued", "2020-01-01T00:00:00+00:00", "digest"),
        ("verdict.usage.wall_s", 5.0, "digest"),
        ("verdict.axioms", ["propext"], "digest"),
        ("digest", "0" * 64, "digest"),
    ],
)
def test_what_was_changed_is_named(path: str, value: Any, named: str) -> None:
    assert named in differences(changed(path, value))


def test_a_signature_binds_text_and_key() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signed = sign(receipt(), key)
    assert differences(signed) == []
    assert differences(signed, key.public_key()) == []
    assert differences(signed, other.public_key()) == ["signature"]
    assert differences(receipt(), key.public_key()) == ["signature"]
    forged = signed.model_copy(update={"issued": "2020-01-01T00:00:00+00:00"})
    assert differences(forged) == ["digest", "signature"]


def test_a_rerun_compares_what_decides_and_not_what_it_cost() -> None:
    costly = accepted().model_copy(update={"usage": {"wall_s": 9.0}})
    assert rerun_differences(receipt(), TOOLCHAIN, costly) == []
    other = accepted().model_copy(update={"axioms": ("propext",)})
    assert rerun_differences(receipt(), TOOLCHAIN, other) == ["verdict.axioms"]


def test_keys_made_by_the_command_sign_and_verify(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert cli.main(["receipt", "keygen", str(file)], standalone_mode=False) is None
    assert file.stat().st_mode & 0o077 == 0
    public = load_public_key((tmp_path / "key.pub").read_bytes(), "key.pub")
    signed = sign(receipt(), load_signing_key(file.read_bytes(), "key"))
    assert differences(signed, public) == []
    with pytest.raises(InvalidRequest):
        cli.main(["receipt", "keygen", str(file)], standalone_mode=False)


def test_the_command_names_the_field_that_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(receipt().text() + "\n" + receipt().text() + "\n")
    bad.write_text(changed("request.code", "axiom t : True").text() + "\n")
    assert cli.main(["receipt", "verify", str(good)], standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out) == {"receipts": 2, "valid": 2, "invalid": 0}
    assert cli.main(["receipt", "verify", str(bad)], standalone_mode=False) == 1
    assert "code_hash" in capsys.readouterr().err


def test_what_is_no_receipt_is_bad_input(tmp_path: Path) -> None:
    file = tmp_path / "none.json"
    file.write_text("{}\n")
    with pytest.raises(InvalidRequest) as caught:
        cli.main(["receipt", "verify", str(file)], standalone_mode=False)
    assert caught.value.field == f"{file}:1"
