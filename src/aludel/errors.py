"""The error tree. A proof that fails is a value; a machine that fails is an exception.

    AludelError
    +-- InvalidRequest       the caller's input is wrong            exit 64, HTTP 422
    |   +-- RequestTooLarge  the caller's input is too big          exit 64, HTTP 413
    +-- NotFound             no such job, result or theorem         exit 64, HTTP 404
    |   +-- SessionEnded     a session of tactics is over           exit 64, HTTP 410
    +-- Conflict             the request contradicts a recorded one exit 64, HTTP 409
    +-- ToolchainMissing     a prover is not installed or broken    exit 69, HTTP 503
    |   +-- ExtraMissing     Python packages are not installed      exit 69, HTTP 503
    +-- BackendUnavailable   broker, store or prover out of reach   exit 69, HTTP 503
    |   +-- AbilityMissing   the prover at hand cannot do this      exit 69, HTTP 503
    |   +-- BackendCrashed   a prover crashed or replied malformed  exit 69, HTTP 503
    |   +-- RunFileError     a file of a run cannot be used         exit 69, HTTP 503
    |   +-- StoreError       the database cannot be used            exit 69, HTTP 503
    +-- QueueFull            come back later                        exit 69, HTTP 429
    |   +-- QuotaExceeded    the key has used up its share          exit 69, HTTP 429
    +-- Unauthorized         a key is missing, unknown or revoked   exit 64, HTTP 401
    +-- Forbidden            the key may not do this                exit 64, HTTP 403

A candidate that exhausts its prover is no error: it gets the verdict *undecided*, and the other
operations of Lean return :class:`aludel.protocols.Exhausted`.

Libraries' errors are mapped onto this tree at one border per package.
"""

from __future__ import annotations

from typing import ClassVar, Self

EX_USAGE = 64
EX_UNAVAILABLE = 69


class AludelError(Exception):
    """Root of every error Aludel raises on purpose.

    Args:
        message: what is wrong, in one sentence.
        field: the input field, option or file at fault, if one is.
        fix: what the caller can do about it, in one sentence.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = EX_UNAVAILABLE
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, field: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.fix = fix

    @classmethod
    def told(cls, message: str, field: str | None = None, fix: str | None = None) -> Self:
        """Make the error again from what another process says of it, whatever its arguments."""
        error = cls.__new__(cls)
        AludelError.__init__(error, message, field=field, fix=fix)
        return error

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        remedy = f" ({self.fix})" if self.fix else ""
        return f"{where}{self.message}{remedy}"


class InvalidRequest(AludelError):
    """The caller's input is wrong; ``field`` names it."""

    code = "invalid_request"
    exit_code = EX_USAGE
    http_status = 422


class RequestTooLarge(InvalidRequest):
    """The caller's input exceeds a size limit."""

    code = "request_too_large"
    http_status = 413


class NotFound(AludelError):
    """The named job, result, theorem or dataset does not exist."""

    code = "not_found"
    exit_code = EX_USAGE
    http_status = 404


class SessionEnded(NotFound):
    """A session of tactics is over: closed, silent too long, or its prover crashed."""

    code = "session_ended"
    http_status = 410


class Conflict(AludelError):
    """The request contradicts something already recorded."""

    code = "conflict"
    exit_code = EX_USAGE
    http_status = 409


class ToolchainMissing(AludelError):
    """A prover toolchain is not installed, too old, or damaged; ``fix`` says how to mend it."""

    code = "toolchain_missing"
    http_status = 503


class ExtraMissing(ToolchainMissing, ImportError):
    """Python packages that an extra of the distribution brings are not installed.

    It is an ``ImportError`` too, for code that tries an import and does without.

    Args:
        message: what is missing.
        fix: the command that installs it.
        name: the module that cannot be imported.
    """

    code = "extra_missing"

    def __init__(self, message: str, *, fix: str, name: str) -> None:
        super().__init__(message, fix=fix)
        self.name = name


class BackendUnavailable(AludelError):
    """A broker, a database or a prover could not be reached."""

    code = "backend_unavailable"
    http_status = 503


class BackendCrashed(BackendUnavailable):
    """A prover process crashed, or its reply was malformed."""

    code = "backend_crashed"


class AbilityMissing(BackendUnavailable):
    """The prover at hand cannot do what another can.

    Args:
        ability: what was asked for, in the plural.
        prover: the one that can: its name, or words that begin with an article.
    """

    code = "ability_missing"

    def __init__(self, ability: str, prover: str = "Lean") -> None:
        lack = "none" if prover.startswith(("a ", "an ")) else f"no {prover}"
        message = f"{ability} need {prover}, and there is {lack} here"
        super().__init__(message, fix=f"start a worker that has {prover}")


class RunFileError(BackendUnavailable):
    """A file of a run, such as its journal, cannot be read or written (full disk, read-only)."""

    code = "run_file_error"


class StoreError(BackendUnavailable):
    """The database cannot be read or written (full disk, read-only, newer schema)."""

    code = "store_error"


class QueueFull(AludelError):
    """Too much work is waiting; ``retry_after_s`` says when to come back."""

    code = "queue_full"
    http_status = 429

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, fix=f"retry after {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class QuotaExceeded(QueueFull):
    """The API key has used up its share; ``retry_after_s`` says when it has a new one."""

    code = "quota_exceeded"


class Unauthorized(AludelError):
    """No API key was shown where one is needed, or it is unknown or revoked."""

    code = "unauthorized"
    exit_code = EX_USAGE
    http_status = 401


class Forbidden(AludelError):
    """The API key may not do this."""

    code = "forbidden"
    exit_code = EX_USAGE
    http_status = 403
