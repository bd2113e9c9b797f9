"""F*'s verification options as PoPAI records them (28 fields), turned into options and back."""

from __future__ import annotations

from collections.abc import Container

from pydantic import BaseModel, ConfigDict


class VConfig(BaseModel):
    """The 28 fields; a field that is absent is left to F*'s default."""

    model_config = ConfigDict(frozen=True, extra="allow")

    initial_fuel: int | None = None
    max_fuel: int | None = None
    initial_ifuel: int | None = None
    max_ifuel: int | None = None
    detail_errors: bool | None = None
    detail_hint_replay: bool | None = None
    no_smt: bool | None = None
    quake_lo: int | None = None
    quake_hi: int | None = None
    quake_keep: bool | None = None
    retry: bool | None = None
    smtencoding_elim_box: bool | None = None
    smtencoding_nl_arith_repr: str | None = None
    smtencoding_l_arith_repr: str | None = None
    smtencoding_valid_intro: bool | None = None
    smtencoding_valid_elim: bool | None = None
    tcnorm: bool | None = None
    no_plugins: bool | None = None
    no_tactics: bool | None = None
    z3cliopt: tuple[str, ...] | None = None
    z3smtopt: tuple[str, ...] | None = None
    z3refresh: bool | None = None
    z3rlimit: int | None = None
    z3rlimit_factor: int | None = None
    z3seed: int | None = None
    z3version: str | None = None
    trivial_pre_for_unannotated_effectful_fns: bool | None = None
    reuse_hint_for: str | None = None


REPLAYED = {
    "initial_fuel": "--initial_fuel",
    "max_fuel": "--max_fuel",
    "initial_ifuel": "--initial_ifuel",
    "max_ifuel": "--max_ifuel",
    "no_smt": "--no_smt",
    "smtencoding_elim_box": "--smtencoding.elim_box",
    "smtencoding_nl_arith_repr": "--smtencoding.nl_arith_repr",
    "smtencoding_l_arith_repr": "--smtencoding.l_arith_repr",
    "smtencoding_valid_intro": "--smtencoding.valid_intro",
    "smtencoding_valid_elim": "--smtencoding.valid_elim",
    "tcnorm": "--tcnorm",
    "no_plugins": "--no_plugins",
    "no_tactics": "--no_tactics",
    "z3cliopt": "--z3cliopt",
    "z3smtopt": "--z3smtopt",
    "z3refresh": "--z3refresh",
    "z3rlimit": "--z3rlimit",
    "z3rlimit_factor": "--z3rlimit_factor",
    "z3seed": "--z3seed",
}
"""Field to the option that replays it."""

NOT_REPLAYED = {
    "detail_errors": "changes how errors are reported, not what is proved",
    "detail_hint_replay": "changes reports of hint replay; hints are never used here",
    "quake_lo": "repeats a query to measure flakiness; one check is one attempt",
    "quake_hi": "repeats a query to measure flakiness; one check is one attempt",
    "quake_keep": "belongs to quake",
    "retry": "retries with other seeds, which would make the verdict depend on luck",
    "z3version": "chooses another solver binary; the toolchain fixes it and its digest",
    "trivial_pre_for_unannotated_effectful_fns": "about effectful definitions without a type; the "
    "checker always declares one",
    "reuse_hint_for": "names a recorded hint; hints would admit queries by hash",
}
"""Field to the reason why it is left out."""

SAFE_TO_DROP = {
    "z3cliopt": "tunes Z3's search",
    "z3smtopt": "tunes Z3's search",
    "z3seed": "seeds Z3's search",
    "z3refresh": "when Z3 restarts",
    "no_plugins": "whether tactics run compiled or interpreted",
}
"""Replayed field to what it does; where F* has no such option, the problem is posed without it.

What is proved stays the same; only whether Z3 finds the proof may change. The others say what the
proof may use (fuel, encoding, ``no_smt``, ``no_tactics``, ``tcnorm``) or at what budget
(``z3rlimit``): without them it would be another problem.
"""

_FLAGS = frozenset(("no_smt", "no_plugins", "no_tactics", "z3refresh"))


def to_options(config: VConfig, known: Container[str] | None = None) -> tuple[str, ...]:
    """Return the options that replay ``config``: options and values as separate words.

    Args:
        config: the recorded configuration.
        known: options that the F* in use lists; what :func:`dropped` names is left out. ``None``
            keeps all.
    """
    without = dropped(config, known)
    return tuple(word for name in REPLAYED if name not in without for word in _words(config, name))


def from_options(words: tuple[str, ...]) -> VConfig:
    """Read back what :func:`to_options` wrote; the inverse on replayed fields."""
    names = {option: name for name, option in REPLAYED.items()}
    fields: dict[str, object] = {}
    rest = list(words)
    while rest:
        name = names[rest.pop(0)]
        if name in _FLAGS:
            fields[name] = True
        elif name in ("z3cliopt", "z3smtopt"):
            held = fields.get(name, ())
            assert isinstance(held, tuple)  # noqa: S101 - written two lines below
            fields[name] = (*held, rest.pop(0))
        else:
            fields[name] = rest.pop(0)
    return VConfig.model_validate(fields)


def dropped(config: VConfig, known: Container[str] | None) -> dict[str, str]:
    """Return the fields whose option this F* does not know and that may be dropped, with why.

    Args:
        config: the recorded configuration.
        known: options that the F* in use lists; ``None`` when that is not known: nothing then.
    """
    if known is None:
        return {}
    return {
        name: f"this F* has no option {REPLAYED[name]} ({what})"
        for name, what in SAFE_TO_DROP.items()
        if REPLAYED[name] not in known and _words(config, name)
    }


def _words(config: VConfig, name: str) -> list[str]:
    """The options and values that replay one field; none where it is absent, empty or off."""
    option, value = REPLAYED[name], getattr(config, name)
    if value is None:
        return []
    if name in _FLAGS:
        return [option] if value else []
    if isinstance(value, tuple):
        return [word for entry in value for word in (option, entry)]
    return [option, str(value).lower() if isinstance(value, bool) else str(value)]
