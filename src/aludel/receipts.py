"""Receipts: a check, its toolchain and its verdict as canonical, signable JSON.

A receipt carries the whole request, so that anybody with the toolchain can run it again. Canonical
JSON is that of :func:`aludel.models.canonical_json`; signatures are Ed25519 (RFC 8032) over it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from aludel.errors import InvalidRequest
from aludel.models import (
    Accepted,
    CheckRequest,
    LeanContext,
    Model,
    Toolchain,
    Verdict,
    canonical_json,
    content_hash,
)
from aludel.vouching import ensure_two_kernels

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


class Signature(Model):
    """An Ed25519 signature of a receipt; both fields in base64, the key in its raw form."""

    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str
    value: str


class Receipt(Model):
    """A check and its verdict, with everything they rest on.

    Attributes:
        toolchain: what decided.
        request: the whole request, the client's labels left out.
        statement_hash, code_hash: SHA-256 of the two texts.
        verdict: what was decided, with evidence and what it cost.
        issued: when, ISO 8601 in UTC.
        digest: SHA-256 over everything above.
        signature: over everything above, if the issuer has a key.
    """

    format: Literal["aludel-receipt-1"] = "aludel-receipt-1"
    toolchain: Toolchain
    request: CheckRequest
    statement_hash: str | None
    code_hash: str
    verdict: Verdict
    issued: str
    digest: str = ""
    signature: Signature | None = None

    def payload(self) -> bytes:
        """The canonical text that digest and signature are made over."""
        fields = self.model_dump(mode="json", exclude={"digest", "signature"})
        return canonical_json(fields).encode()

    def text(self) -> str:
        """The receipt as one line of canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))


def issue(
    toolchain: Toolchain, request: CheckRequest, verdict: Verdict, now: datetime | None = None
) -> Receipt:
    """Write a receipt.

    Raises:
        InvalidRequest: the verdict is another request's or another toolchain's.
        Conflict: one kernel alone accepted the proof.
    """
    ensure_two_kernels(verdict)
    request = request.model_copy(update={"metadata": {}})
    if verdict.hash != content_hash(toolchain.digest, request):
        raise InvalidRequest("it belongs to another request or toolchain", field="verdict.hash")
    statement = request.statement
    receipt = Receipt(
        toolchain=toolchain,
        request=request,
        statement_hash=None if statement is None else _sha256(statement.encode()),
        code_hash=_sha256(request.code.encode()),
        verdict=verdict,
        issued=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
    )
    return receipt.model_copy(update={"digest": _sha256(receipt.payload())})


def sign(receipt: Receipt, key: Ed25519PrivateKey) -> Receipt:
    """Return the receipt with a signature of its canonical text."""
    return receipt.model_copy(update={"signature": signature_of(receipt.payload(), key)})


def signature_of(payload: bytes, key: Ed25519PrivateKey) -> Signature:
    """Return a key's signature of a text."""
    return Signature(
        public_key=_base64(key.public_key().public_bytes_raw()),
        value=_base64(key.sign(payload)),
    )


def parse_receipt(text: str, name: str) -> Receipt:
    """Read a receipt; ``name`` says where it stands.

    Raises:
        InvalidRequest: it is not one; the message names the first field at fault.
    """
    try:
        return Receipt.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"not a receipt: {where}: {first['msg']}", field=name) from error


def differences(receipt: Receipt, trusted: Ed25519PublicKey | None = None) -> list[str]:
    """Name the fields that do not fit the rest of the receipt; empty when all is well.

    Args:
        receipt: what to look at.
        trusted: the key that must have signed it; ``None`` checks a signature only if there is one,
            by the key that the receipt names.
    """
    statement = receipt.request.statement
    expected = {
        "statement_hash": None if statement is None else _sha256(statement.encode()),
        "code_hash": _sha256(receipt.request.code.encode()),
        "digest": _sha256(receipt.payload()),
    }
    found = [name for name, value in expected.items() if getattr(receipt, name) != value]
    if receipt.verdict.hash != content_hash(receipt.toolchain.digest, receipt.request):
        found.append("verdict.hash")
    if not is_signed(receipt.payload(), receipt.signature, trusted):
        found.append("signature")
    return found


def rerun_request(receipt: Receipt) -> CheckRequest:
    """Return what a rerun asks: what was drawn by lot the first time is asked for the second.

    A project's name is one service's own; whoever reruns has the project, as the digest tells.
    """
    request, verdict = receipt.request, receipt.verdict
    if isinstance(request.context, LeanContext):
        context = request.context.model_copy(update={"project": None})
        request = request.model_copy(update={"context": context})
    if not isinstance(verdict, Accepted):
        return request
    update: dict[str, object] = {}
    if verdict.evidence.attribution == "confirmed":
        update["tier"] = "replay"
    if len(verdict.evidence.kernels) > 1:
        update["policy"] = request.policy.model_copy(update={"second_kernel": "require"})
    return request.model_copy(update=update)


def rerun_differences(receipt: Receipt, toolchain: Toolchain, verdict: Verdict) -> list[str]:
    """Name the fields in which a verdict reached again differs; cost and messages may."""
    then, now = receipt.verdict, verdict
    pairs: dict[str, tuple[object, object]] = {
        "toolchain.digest": (receipt.toolchain.digest, toolchain.digest),
        "verdict.kind": (then.kind, now.kind),
        "verdict.reason": (then.reason, now.reason),
        "verdict.axioms": (sorted(then.axioms), sorted(now.axioms)),
    }
    if isinstance(then, Accepted) and isinstance(now, Accepted):
        pairs["verdict.evidence"] = (then.evidence, now.evidence)
    return [name for name, (old, new) in pairs.items() if old != new]


def load_signing_key(pem: bytes, name: str) -> Ed25519PrivateKey:
    """Read an Ed25519 private key (PEM, PKCS 8, no password).

    Raises:
        InvalidRequest: it is not one.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise InvalidRequest("not a private key in PEM", field=name) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidRequest("not an Ed25519 key", field=name)
    return key


def load_public_key(pem: bytes, name: str) -> Ed25519PublicKey:
    """Read an Ed25519 public key (PEM).

    Raises:
        InvalidRequest: it is not one.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise InvalidRequest("not a public key in PEM", field=name) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidRequest("not an Ed25519 key", field=name)
    return key


def is_signed(
    payload: bytes, signature: Signature | None, trusted: Ed25519PublicKey | None = None
) -> bool:
    """Whether a signature is one of this text, by the trusted key or else the one that it names.

    Without a trusted key, no signature is one too.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if signature is None:
        return trusted is None
    try:
        raw = base64.b64decode(signature.public_key, validate=True)
        value = base64.b64decode(signature.value, validate=True)
        if trusted is not None and trusted.public_bytes_raw() != raw:
            return False
        Ed25519PublicKey.from_public_bytes(raw).verify(value, payload)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
