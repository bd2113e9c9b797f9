"""Settings: one frozen object, read from the environment on demand, no work at import."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aludel.errors import InvalidRequest

ENV_PREFIX = "ALUDEL_"
MEMORY_BROKER = "memory://"
OTHER_VARIABLES = {
    ENV_PREFIX + "SERVER": "Where the programs in `examples/` look for the service.",
}
"""Variables that bear the prefix and are no settings, with what they mean."""


def _cache_dir() -> Path:
    return Path(platformdirs.user_cache_dir("aludel"))


def _data_dir() -> Path:
    return Path(platformdirs.user_data_dir("aludel"))


class Settings(BaseModel):
    """The settings. Each field reads ``ALUDEL_<FIELD>`` from the environment.

    Attributes:
        cache_dir: unpacked toolchains (XDG cache folder by default).
        data_dir: the default SQLite database (XDG data folder by default).
        database_url: SQLAlchemy URL; empty means SQLite under ``data_dir``.
        broker_url: Celery broker; ``memory://`` runs API and worker in one process.
        toolchain: the Lean toolchain: ``lean-embedded``, ``lean-native`` (the ``lean`` on PATH),
            ``lean-VERSION`` (one of elan's), or a toolchain's folder; ``exported:`` before one
            judges by exports, as releases are that the server program is not written for.
        project: folder of a Lake project whose modules may be imported; empty for none.
        projects: further projects and toolchains, which requests choose by name, separated by
            commas: ``NAME=FOLDER`` is a Lake project for the toolchain above, ``NAME=TOOLCHAIN`` a
            toolchain, ``NAME=TOOLCHAIN@FOLDER`` both.
        sandbox: ``required`` refuses a native Lean where the system cannot confine it;
            ``available`` makes do with what the system has.
        node: path of a Node 24 binary; empty uses the one that came with the Python dependency.
        lean_exporter: path of ``lean4export`` for a Lean that is judged by exports; ``{version}``
            in it is the Lean's. Empty looks beside ``lean``, then below ``cache_dir``.
        fstar: path of ``fstar.exe``; empty searches PATH.
        pool_size: prover processes that read candidates at once; 0 means one per CPU. Lean has
            others beside them that judge: at least two, and workers of our own kernel.
        process_memory_mb: memory at which a prover process is recycled or killed; pages of mapped
            files do not count.
        process_max_requests: requests after which a prover process is recycled.
        max_code_bytes: largest candidate accepted.
        require_key: whether the service answers only those who show an API key.
        allowed_hosts: names, separated by blanks, by which the service may be called where no key
            is required, besides ``host`` and those of this machine's loopback.
        results: whose results and receipts a key may read by their hash: those that it asked for
            (``own``), or everybody's (``all``).
        isolation: ``key`` gives each API key processes and caches of its own for what reads
            candidates and statements, ``none`` shares them; empty is ``key`` where keys are
            required.
        second_kernel: ``request`` has our own kernel asked as each request's policy says, whose
            default is always; ``require`` has it always asked, whatever a request says, but about
            proofs by compiled code, which it cannot check.
        second_kernel_share: share of acceptances, drawn by lot, of which it is asked where the
            policy says ``sample``.
        confirm_share: share of acceptances, drawn by lot, that a fresh process which sees only
            that candidate must confirm.
        max_waiting: items that may wait or run at once; more are refused with 429.
        min_free_mb: free memory below which the service accepts no more work.
        retention_days: days after which ended jobs are removed; 0 keeps them.
        metrics_port: where a worker answers with its metrics; 0 is nowhere.
        goal_sessions: sessions of tactics at once.
        goal_states: proof states that a session of tactics may have.
        goal_key_sessions: sessions of tactics that one key may have; 0 is half of all.
        goal_ttl_s: the longest silence, in seconds, that a session may ask to survive.
        endpoints: addresses of models that clients may name, separated by blanks; ``URL=VARIABLE``
            says which environment variable of the worker holds the endpoint's key.
        models: local models (folders, or names on a hub) that clients may name, likewise;
            ``NAME@REVISION`` permits that revision alone.
        lease_s: seconds a running item may go without heartbeat before it is queued again.
        host, port: where ``aludel serve`` listens.
        api_key: the key that commands show to a service they use (``--server``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_dir: Path = Field(default_factory=_cache_dir)
    data_dir: Path = Field(default_factory=_data_dir)
    database_url: str = ""
    broker_url: str = MEMORY_BROKER
    toolchain: str = "lean-embedded"
    project: str = ""
    projects: str = ""
    sandbox: Literal["required", "available"] = "required"
    node: str = ""
    lean_exporter: str = ""
    fstar: str = ""
    pool_size: int = Field(default=0, ge=0)
    process_memory_mb: int = Field(default=3_000, ge=256)
    process_max_requests: int = Field(default=2_000, ge=1)
    max_code_bytes: int = Field(default=1_000_000, ge=1)
    require_key: bool = False
    isolation: Literal["", "key", "none"] = ""
    second_kernel: Literal["request", "require"] = "request"
    second_kernel_share: float = Field(default=0.1, ge=0, le=1)
    confirm_share: float = Field(default=0.0, ge=0, le=1)
    allowed_hosts: str = ""
    results: Literal["own", "all"] = "own"
    max_waiting: int = Field(default=500_000, ge=1)
    min_free_mb: int = Field(default=128, ge=0)
    retention_days: float = Field(default=0.0, ge=0)
    metrics_port: int = Field(default=0, ge=0, le=65_000)
    goal_sessions: int = Field(default=64, ge=1)
    goal_states: int = Field(default=5_000, ge=1)
    goal_key_sessions: int = Field(default=0, ge=0)
    goal_ttl_s: float = Field(default=3_600.0, gt=0)
    endpoints: str = ""
    models: str = ""
    lease_s: float = Field(default=60.0, gt=0)
    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65_535)
    api_key: str = Field(default="", repr=False)

    @property
    def project_name(self) -> str:
        """The name by which requests choose this toolchain and project; empty for the default."""
        return ""

    @property
    def per_key(self) -> bool:
        """Whether what one key sends never reaches a process that read another's."""
        return self.isolation == "key" or (self.require_key and not self.isolation)

    @property
    def datasets_dir(self) -> Path:
        """The folder to which the service writes datasets."""
        return self.data_dir / "datasets"

    @property
    def premises_dir(self) -> Path:
        """Folder of the statements that premises are retrieved from."""
        return self.cache_dir.expanduser() / "premises"

    @property
    def store_url(self) -> str:
        """The database URL in effect."""
        return self.database_url or f"sqlite:///{self.data_dir / 'aludel.sqlite3'}"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from ``environ`` (the process environment by default).

    Raises:
        InvalidRequest: a variable has a value that does not fit; ``field`` names it.
    """
    source = os.environ if environ is None else environ
    known = {
        name: source[ENV_PREFIX + name.upper()]
        for name in Settings.model_fields
        if source.get(ENV_PREFIX + name.upper())
    }
    try:
        return Settings.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise InvalidRequest(
            first["msg"], field=ENV_PREFIX + name.upper(), fix="correct or unset the variable"
        ) from error


def unknown_variables(environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield a sentence on each ``ALUDEL_*`` variable that no part of Aludel reads.

    Variables that ``ALUDEL_ENDPOINTS`` names as the homes of keys are read.
    """
    source = os.environ if environ is None else environ
    known = {*OTHER_VARIABLES, *(ENV_PREFIX + name.upper() for name in Settings.model_fields)}
    keys = {word.rpartition("=")[2] for word in source.get(ENV_PREFIX + "ENDPOINTS", "").split()}
    for name in sorted(source):
        if name.upper().startswith(ENV_PREFIX) and name not in known | keys:
            tails = [variable.removeprefix(ENV_PREFIX) for variable in known]
            near = difflib.get_close_matches(name.upper().removeprefix(ENV_PREFIX), tails, n=1)
            hint = f"did you mean {ENV_PREFIX}{near[0]}?" if near else "no setting is near it"
            yield f"{name} is not a setting and has no effect; {hint}"
