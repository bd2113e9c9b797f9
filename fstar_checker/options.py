"""Command-line options of F*: which ones a context may set, and with which values.

The list is closed. An option that is not on it is refused, so that no context can switch proofs off
(``--lax``, ``--admit_smt_queries``, ``--admit_except``, ``--use_hint_hashes``, ``--warn_error``
...).
"""

from __future__ import annotations

import re
import shlex

from aludel.errors import InvalidRequest

ADMITTING_OPTIONS = frozenset(
    ("lax", "admit_smt_queries", "admit_except", "use_hint_hashes", "unsafe_tactic_exec", "MLish")
)
"""Options (without dashes) that admit proofs or run programs, whatever their value."""

_NATURAL = r"0|[1-9][0-9]{0,8}"
_BOOL = r"true|false"

SAFE_OPTIONS: dict[str, str | None] = {
    "--initial_fuel": _NATURAL,
    "--max_fuel": _NATURAL,
    "--min_fuel": _NATURAL,
    "--initial_ifuel": _NATURAL,
    "--max_ifuel": _NATURAL,
    "--fuel": rf"(?:{_NATURAL})(?:,(?:{_NATURAL}))?",
    "--ifuel": rf"(?:{_NATURAL})(?:,(?:{_NATURAL}))?",
    "--z3rlimit": _NATURAL,
    "--z3rlimit_factor": _NATURAL,
    "--z3seed": _NATURAL,
    "--z3refresh": None,
    "--z3cliopt": r"[A-Za-z0-9_.]+=[A-Za-z0-9_.]+",
    "--z3smtopt": r"\(set-option :[A-Za-z0-9_.\-]+ [A-Za-z0-9_.]+\)",
    "--smtencoding.elim_box": _BOOL,
    "--smtencoding.nl_arith_repr": "native|wrapped|boxwrap",
    "--smtencoding.l_arith_repr": "native|boxwrap",
    "--smtencoding.valid_intro": _BOOL,
    "--smtencoding.valid_elim": _BOOL,
    "--tcnorm": _BOOL,
    "--no_smt": None,
    "--no_tactics": None,
    "--no_plugins": None,
    "--retry": _NATURAL,
    "--split_queries": r"no|on_failure|always",
}
"""Option to the pattern of its value; ``None`` for an option that takes none."""


_SWITCHES = """
arith.nl arith.nl.branching arith.propagate_eqs arith.random_initial_value auto_config core.minimize
dack.eq delay_units ematching mbqi theory_aware_branching theory_case_split
"""
_COUNTS = """
arith.branch_cut_ratio arith.nl.rounds arith.propagation_mode arith.solver case_split dack
dack.threshold lemma_gc_strategy max_conflicts mbqi.max_cexs mbqi.max_iterations phase_selection
qi.max_instances qi.max_multi_patterns qi.quick_checker random_seed relevancy restart_strategy
"""
_FACTORS = "qi.eager_threshold qi.lazy_threshold restart_factor"
SEARCH_PARAMETERS: dict[str, str] = {
    **dict.fromkeys(_SWITCHES.split(), _BOOL),
    **dict.fromkeys(_COUNTS.split(), _NATURAL),
    **dict.fromkeys(_FACTORS.split(), rf"(?:{_NATURAL})(?:\.[0-9]{{1,9}})?"),
}
"""Parameters ``smt.NAME`` of Z3 that a candidate may set, and the pattern of their values.

They steer the search, and Z3 4.8.5 and 4.13.3 know them all. At any other, or at a value that does
not fit, Z3 ends, and F* with it.
"""
_PARAMETER = re.compile(r"\(set-option :smt\.(\S+) (\S+)\)|smt\.([^=]+)=(.*)")


def split_options(text: str) -> list[str]:
    """Split the text of a pragma or option string as F* does (spaces, quotes).

    Raises:
        InvalidRequest: a quotation is left open.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidRequest(
            f"option text {text!r} does not split: {error}", field="context.options"
        ) from error


def check_options(words: list[str], *, field: str = "context.options") -> list[tuple[str, str]]:
    """Return the (option, value) pairs of ``words``; a value is ``""`` where none is taken.

    Raises:
        InvalidRequest: an option is not on the list, or its value does not fit; names both.
    """
    pairs: list[tuple[str, str]] = []
    rest = list(words)
    while rest:
        option = rest.pop(0)
        if option not in SAFE_OPTIONS:
            raise InvalidRequest(
                f"option {option!r} is not allowed", field=field, fix="see docs/reference/fstar.md"
            )
        pattern = SAFE_OPTIONS[option]
        value = rest.pop(0) if pattern is not None and rest else ""
        if pattern is not None and not re.fullmatch(pattern, value):
            raise InvalidRequest(f"option {option} has an invalid value {value!r}", field=field)
        pairs.append((option, value))
    return pairs


def render_options(pairs: list[tuple[str, str]]) -> str:
    """Write ``pairs`` as the text of a pragma (values with spaces in single quotes)."""
    words = []
    for option, value in pairs:
        words.append(option)
        if value:
            words.append(f"'{value}'" if " " in value or "(" in value else value)
    return " ".join(words)


def unsafe_in_pragma(text: str) -> str | None:
    """Return what makes the option text of a candidate's pragma unacceptable, or None.

    F* decodes escapes and splits the text by rules of its own: only text that is written as
    :func:`render_options` writes it means the same to both.
    """
    if "\\" in text:
        return "escapes are not allowed in option text"
    if not text.isascii() or not text.replace(" ", "x").isprintable():
        return "only printable ASCII is allowed in option text"
    try:
        pairs = check_options(split_options(text))
    except InvalidRequest as error:
        return error.message
    if render_options(pairs).split() != text.split():
        return "quotes are allowed only around a value with spaces"
    foreign = [v for o, v in pairs if o in ("--z3cliopt", "--z3smtopt") and not _tunes_search(v)]
    return f"{foreign[0]!r} is no parameter of Z3's search that is known here" if foreign else None


def _tunes_search(value: str) -> bool:
    match = _PARAMETER.fullmatch(value)
    name, chosen = (match[1] or match[3], match[2] or match[4]) if match else ("", "")
    return re.fullmatch(SEARCH_PARAMETERS.get(name, r"(?!)"), chosen) is not None


def switches_proofs_off(text: str) -> bool:
    """Whether option text holds an option that admits what F* should prove."""
    return any(word in ADMITTING_OPTIONS for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))
