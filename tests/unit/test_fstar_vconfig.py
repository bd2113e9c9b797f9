"""PoPAI's verification options: replayed, explained or dropped with a warning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aludel.fstar_checker.dataset import Definition
from aludel.fstar_checker.options import check_options, render_options, split_options
from aludel.fstar_checker.problems import Candidate
from aludel.fstar_checker.scaffold import plan
from aludel.fstar_checker.vconfig import (
    NOT_REPLAYED,
    REPLAYED,
    SAFE_TO_DROP,
    VConfig,
    dropped,
    from_options,
    to_options,
)
from aludel.fstar_checker.verify import build_work, fit_options, render, report, run
from aludel.models import Accepted, Evidence, FStarContext

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "fstar.md"
NATURALS = st.one_of(st.none(), st.integers(0, 1000))
BOOLEANS = st.one_of(st.none(), st.booleans())
CONFIGS = st.builds(
    VConfig,
    initial_fuel=NATURALS,
    max_fuel=NATURALS,
    z3rlimit=NATURALS,
    z3seed=NATURALS,
    no_smt=st.one_of(st.none(), st.just(True)),
    z3refresh=st.one_of(st.none(), st.just(True)),
    tcnorm=BOOLEANS,
    smtencoding_elim_box=BOOLEANS,
    smtencoding_nl_arith_repr=st.sampled_from([None, "native", "wrapped", "boxwrap"]),
    z3cliopt=st.sampled_from([None, ("smt.arith.nl=false",), ("a.b=1", "c=2")]),
    z3smtopt=st.sampled_from([None, ("(set-option :smt.arith.nl false)",)]),
)


def problem(name: str, **fields: Any) -> Definition:
    short = name.rsplit(".", 1)[-1]
    base = {"name": name, "file_name": "M.fst", "source_type": f"val {short} : int"}
    return Definition.model_validate({**base, **fields})


def test_all_28_fields_are_replayed_or_explained() -> None:
    assert set(VConfig.model_fields) == set(REPLAYED) | set(NOT_REPLAYED)
    assert len(VConfig.model_fields) == 28
    assert not set(REPLAYED) & set(NOT_REPLAYED)


@given(CONFIGS)
def test_options_round_trip(config: VConfig) -> None:
    words = to_options(config)
    back = from_options(words)
    assert {n: getattr(back, n) for n in REPLAYED} == {n: getattr(config, n) for n in REPLAYED}
    pairs = check_options(list(words))
    assert check_options(split_options(render_options(pairs))) == pairs


@given(CONFIGS)
def test_every_replayed_option_is_one_that_a_context_may_set(config: VConfig) -> None:
    layout = plan(FStarContext(module="M", options=to_options(config)), "val f : int")
    assert layout.fragments[-1].code == "val f : int\n"


def test_only_options_that_are_safe_to_drop_are_dropped() -> None:
    config = VConfig(z3rlimit=5, z3smtopt=("(set-option :a b)",), tcnorm=False, z3refresh=False)
    assert set(dropped(config, {"--z3rlimit"})) == {"z3smtopt"}  # z3refresh would write nothing
    assert to_options(config, {"--z3rlimit"}) == ("--tcnorm", "false", "--z3rlimit", "5")
    assert dropped(config, None) == {}
    assert dropped(config, set(REPLAYED.values())) == {}


@given(CONFIGS, st.sets(st.sampled_from(sorted(REPLAYED.values()))))
def test_dropping_loses_only_what_it_names(config: VConfig, known: set[str]) -> None:
    back = from_options(to_options(config, known))
    kept = set(REPLAYED) - set(dropped(config, known))
    assert {n: getattr(back, n) for n in kept} == {n: getattr(config, n) for n in kept}
    assert all(getattr(back, n) is None for n in dropped(config, known))


def test_the_reference_lists_what_is_safe_to_drop() -> None:
    text = REFERENCE.read_text()
    section = text.partition("Safe to drop:")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert listed == set(SAFE_TO_DROP)
    assert listed <= set(REPLAYED)


def test_dropped_options_are_reported_per_problem() -> None:
    smt = ("(set-option :smt.arith.nl false)",)
    problems = [
        problem("M.f", vconfig={"z3smtopt": smt, "z3rlimit": 7}),
        problem("M.g", vconfig={"tcnorm": True}),
        problem("M.h"),
    ]
    told = [Candidate(name=p.name, candidate=f"let {p.short_name} = 1") for p in problems]
    work = fit_options(build_work(problems, told), frozenset(["--z3rlimit"]))
    asked = [item.request.context for item in work if item.request is not None]
    options = [context.options for context in asked if isinstance(context, FStarContext)]
    assert options == [("--z3rlimit", "7"), ("--tcnorm", "true"), ()]
    accepted = Accepted(hash="a", evidence=Evidence())
    summary = report(run(work, lambda _: accepted, 1), (1,))
    assert set(summary["dropped_options"]) == {"M.f"}
    assert "--z3smtopt" in summary["dropped_options"]["M.f"]["z3smtopt"]
    assert "WARNING" in render(summary)
    assert "| M.f | z3smtopt | this F* has no option --z3smtopt" in render(summary)
    plain = report(run(fit_options(work[2:], None), lambda _: accepted, 1), (1,))
    assert "WARNING" not in render(plain)
