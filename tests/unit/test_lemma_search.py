"""Search for lemmas: what is asked, how criteria are combined, words, and the ways to ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_checker import TOOLCHAIN
from fake_prover import FakeProver
from hypothesis import given
from hypothesis import strategies as st
from live_api import LiveApi, live_api

from aludel.api.lemma_searches import KeyedLemmas
from aludel.cli import search as search_command
from aludel.client import Client
from aludel.errors import InvalidRequest, QueueFull, QuotaExceeded
from aludel.lean_checker.answers import LibraryTheorem
from aludel.lean_checker.lemmas import LeanLemmas
from aludel.lean_checker.pool import LeanPool
from aludel.lemma_search import (
    FoundLemma,
    LemmaMatch,
    LemmaSearch,
    LemmasFound,
    ListedLemma,
    first_sentence,
    goal_header,
    names_match,
    pattern_of,
    search_of,
)
from aludel.models import Toolchain
from aludel.proving.lemmas import LemmaLibrary, library_opener
from aludel.proving.premises import Library
from aludel.proving.words import words_of, words_of_name
from aludel.settings import Settings
from aludel.store import ApiKey
from aludel.store.keys import Scope

STATEMENTS = {
    "Nat.add_comm": "∀ (n m : Nat), n + m = m + n",
    "Nat.mul_comm": "∀ (n m : Nat), n * m = m * n",
    "Int.add_comm": "∀ (a b : Int), a + b = b + a",
    "List.length_append": "∀ {l m : List α}, (l ++ m).length = l.length + m.length",
    "List.get?_map": "∀ {l : List α}, (l.map f)[i]? = l[i]?.map f",
    "Nat.add.injEq": "∀ (n m : Nat), n + m = m + n",
}
DOCS = {"List.length_append": "The length of two lists, one after the other. More is said here."}


class Source:
    """A library of a few theorems; a pattern matches the statements that hold it."""

    toolchain: Toolchain = TOOLCHAIN

    def __init__(self) -> None:
        self.listed = 0
        self.asked: list[LemmaMatch] = []

    def theorem_names(self, imports: tuple[str, ...]) -> list[str]:
        return sorted(STATEMENTS)

    def theorems(
        self, imports: tuple[str, ...], *, names: tuple[str, ...], statements: bool
    ) -> Sequence[LibraryTheorem]:
        return [
            LibraryTheorem(name=n, kind="theorem", module="M", type=STATEMENTS[n]) for n in names
        ]

    def listing(self, imports: tuple[str, ...]) -> list[ListedLemma]:
        if imports == ("Nope",):
            raise InvalidRequest("unknown module", field="imports", fix="name another")
        self.listed += 1
        return [ListedLemma(name, "M", DOCS.get(name)) for name in STATEMENTS]

    def printed(self, imports: tuple[str, ...], names: Sequence[str]) -> list[FoundLemma]:
        return [_found(name) for name in sorted(names, reverse=True) if name in STATEMENTS]

    def match(self, asked: LemmaMatch) -> LemmasFound:
        self.asked.append(asked)
        names = STATEMENTS if asked.names is None else asked.names
        found = [_found(name) for name in names if asked.pattern in STATEMENTS[name]]
        return LemmasFound(lemmas=tuple(found[: asked.count]))


def _found(name: str) -> FoundLemma:
    return FoundLemma(name=name, module="M", statement=STATEMENTS[name])


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def library(source: Source, tmp_path: Path) -> LemmaLibrary:
    return LemmaLibrary(source, Library(source, tmp_path), tmp_path)


def names(library: LemmaLibrary, **asked: Any) -> list[str]:
    return [lemma.name for lemma in library.search(search_of(**asked)).lemmas]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"name": "COMM"}, ["Int.add_comm", "Nat.add_comm", "Nat.mul_comm"]),
        ({"name": "Nat.*_comm"}, ["Nat.add_comm", "Nat.mul_comm"]),
        ({"name": "nat.*_comm"}, []),
        ({"name": "get?"}, ["List.get?_map"]),
        ({"name": "injEq"}, []),
        ({"words": "commutativity of multiplication"}, ["Nat.mul_comm"]),
        ({"words": "one list after another"}, ["List.length_append"]),
        ({"words": "of the"}, []),
        ({"text": "⊢ l.length = 0"}, ["List.length_append"]),
        ({"pattern": "n m"}, ["Nat.add_comm", "Nat.mul_comm", "Nat.add.injEq"]),
        ({"pattern": "n m", "name": "comm"}, ["Nat.add_comm", "Nat.mul_comm"]),
        ({"words": "commutative", "name": "Nat.*"}, ["Nat.add_comm", "Nat.mul_comm"]),
    ],
)
def test_criteria(library: LemmaLibrary, asked: dict[str, Any], found: list[str]) -> None:
    answer = names(library, count=3, **asked)
    assert answer[: len(found)] == found
    assert found or not answer


def test_words_rank_what_a_pattern_matches(library: LemmaLibrary, source: Source) -> None:
    found = library.search(search_of(words="multiplication commutative", pattern="m", count=2))
    assert found.lemmas[0].name == "Nat.mul_comm"
    assert found.lemmas[0].score is not None and found.complete
    assert source.asked[0].names is not None
    assert source.asked[0].names[0] == "Nat.mul_comm"


def test_what_no_list_has_is_not_asked(library: LemmaLibrary, source: Source) -> None:
    assert library.search(search_of(name="xyz", pattern="_ + _")) == LemmasFound(lemmas=())
    assert source.asked == []


def test_a_list_is_made_once(library: LemmaLibrary, source: Source, tmp_path: Path) -> None:
    names(library, name="comm")
    names(library, words="commutative")
    assert names(LemmaLibrary(source, Library(source, tmp_path), tmp_path), name="mul") == [
        "Nat.mul_comm"
    ]
    assert source.listed == 1


def test_an_unknown_import_is_said_each_time(library: LemmaLibrary) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="unknown module"):
            names(library, name="comm", imports=("Nope",))


def test_more_names_than_are_tried(library: LemmaLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aludel.proving.lemmas._MOST_NAMED", 1)
    found = library.search(search_of(name="comm", pattern="n", count=3))
    assert not found.complete
    assert "were tried" in (found.message or "")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, None),
        ({"pattern": "  "}, None),
        ({"pattern": "_", "count": 0}, "count"),
        ({"pattern": "_" * 3_000}, "pattern"),
        ({"name": "a", "wall_s": float("inf")}, "wall_s"),
        ({"name": "a", "nmae": "b"}, "nmae"),
    ],
)
def test_a_question_that_does_not_fit(given: dict[str, Any], field: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        search_of(**given)
    assert caught.value.field == field
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a + b = b + a", "theorem _goal_ : a + b = b + a"),
        ("theorem t (n : Nat) : n = n", "theorem t (n : Nat) : n = n"),
        ("lemma t : True", "theorem t : True"),
        ("example : True", "theorem _goal_ : True"),
        ("⊢ True", "theorem _goal_ : True"),
        ("n m : Nat\nh : n < m\n⊢ n ≤ m", "theorem _goal_ (n m : Nat) (h : n < m) : n ≤ m"),
        ("case succ\nn✝ : Nat\n⊢ n✝ = 0", "theorem _goal_ (n_ : Nat) : n_ = 0"),
        ("α : Type\ninst✝ : Add α\n⊢ True", "theorem _goal_ (α : Type) [Add α] : True"),
        ("h : a =\n    b\n⊢ True", "theorem _goal_ (h : a = b) : True"),
        ("k : Nat := 2\n⊢ k = 2", "theorem _goal_ (k : Nat) : k = 2"),
    ],
)
def test_goals_are_headers(text: str, header: str) -> None:
    assert goal_header(text) == header


def test_what_is_no_goal() -> None:
    with pytest.raises(InvalidRequest, match="no hypothesis") as caught:
        goal_header("what\n⊢ True")
    assert caught.value.field == "proves"


def test_texts_that_hurt_are_read_in_time() -> None:
    assert not names_match("*e" * 200 + "*z")("e" * 250)
    with pytest.raises(InvalidRequest):
        goal_header(f"a{' ' * 60_000}b\n⊢ True")


@given(st.text("ab*?", max_size=8), st.text("ab?", max_size=8))
def test_a_glob_matches_as_its_expression_does(glob: str, name: str) -> None:
    if "*" in glob:
        expression = ".*".join(map(re.escape, glob.split("*")))
        assert names_match(glob)(name) == bool(re.fullmatch(expression, name))
    else:
        assert names_match(glob)(name) == (glob in name)


def test_patterns_names_and_words() -> None:
    assert pattern_of(" ⊢ _ + _ ") == ("_ + _", True)
    assert pattern_of("|- _") == ("_", True)
    assert pattern_of("_ = _") == ("_ = _", False)
    assert names_match("a.b")("x.A.B.c")
    assert not names_match("a.*")("b.a.c")
    assert words_of("The lists' commutativity") == words_of("list commutative")
    assert set(words_of("commutative")) <= set(words_of_name("Nat.add_comm"))
    assert words_of_name("List.foldlM") == words_of("list foldl m")
    assert first_sentence("One. Two.") == "One."
    assert first_sentence("See `Nat.add`, e.g.\nhere. Then") == "See `Nat.add`, e.g. here."
    assert first_sentence("no end\n\nmore") == "no end"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[LiveApi]:
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", pool_size=1)
    with live_api(settings, lambda _: FakeProver(), library=library_opener) as api:
        yield api


def test_over_http(api: LiveApi, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(api.url) as client:
        found = client.search_lemmas(LemmaSearch(pattern="_ ≤ _", name="A.*", count=2))
        assert [lemma.name for lemma in found.lemmas] == ["A.1", "A.3"]
        assert found.lemmas[0].place is None and found.complete
        slow = client.search_lemmas(LemmaSearch(pattern="slow"))
        assert (slow.complete, slow.message) == (False, "the budget ran out")
        with pytest.raises(InvalidRequest) as caught:
            client.search_lemmas(LemmaSearch(pattern="broken"))
        assert (caught.value.field, caught.value.fix) == ("pattern", "write a term")
    asked = ["--pattern", "_ ≤ _", "--count", "1", "--server", api.url]
    done = CliRunner().invoke(search_command.command, [*asked, "--json"], standalone_mode=False)
    assert done.return_value == 0
    assert json.loads(done.stdout)["lemmas"][0]["name"] == "A.1"
    shown = CliRunner().invoke(search_command.command, asked, standalone_mode=False)
    assert shown.stdout == "A.1 : Number.n1 ≤ Shared\n"


def test_what_the_server_says(fake_pool: LeanPool) -> None:
    lemmas = LeanLemmas(fake_pool)
    asked = LemmaMatch(imports=("Init",), count=3, wall_s=30.0, pattern="_ = _")
    found = lemmas.match(asked)
    assert found.complete
    assert [(f.name, f.module, f.doc) for f in found.lemmas] == [("Fake.one", "Fake", "One.")]
    late = lemmas.match(replace(asked, pattern="1 = 2"))
    assert late.lemmas and not late.complete and "ran out" in (late.message or "")
    stuck = lemmas.match(replace(asked, pattern="-- fake: hang", wall_s=0.3))
    assert stuck == LemmasFound(lemmas=(), complete=False, message="no answer within the wall time")
    for part, field in (("pattern", "pattern"), ("goal", "proves")):
        with pytest.raises(InvalidRequest) as caught:
            lemmas.match(replace(asked, **{"pattern": "", part: "nonsense"}))
        assert caught.value.field == field and caught.value.fix
    died = lemmas.match(replace(asked, pattern="-- fake: leave 3"))
    assert not died.complete and "stopped" in (died.message or "")
    for field, text in (("pattern", "a\0b"), ("pattern", "\n" * 20_000), ("goal", "t" * 200_000)):
        with pytest.raises(InvalidRequest) as caught:
            lemmas.match(replace(asked, **{"pattern": "", field: text}))
        assert caught.value.field == ("proves" if field == "goal" else field)
    assert lemmas.listing(("Init",)) == [ListedLemma("Fake.one", "Fake", "One. Two.")]
    assert lemmas.printed(("Init",), []) == []


def test_keys_have_a_quota_and_slots(tmp_path: Path) -> None:
    charged: list[str] = []

    def charge(key: str, count: int) -> None:
        charged.append(key)
        if len(charged) > 2:
            raise QuotaExceeded("the key used up its minute", retry_after_s=1.0)

    opened: list[Path] = []
    prover = FakeProver()

    def library(folder: Path) -> LemmaLibrary:
        opened.append(folder)
        return library_opener(prover)(folder)

    settings = Settings(cache_dir=tmp_path, pool_size=1)
    lemmas = KeyedLemmas(library, settings, charge)
    made = datetime(2026, 1, 1, tzinfo=UTC)
    key = ApiKey(id="k", name="k", scopes=(Scope.SUBMIT,), per_minute=2, created_at=made)
    asked = LemmaSearch(pattern="_ ≤ _", wall_s=0.05)
    assert lemmas.search(key, asked).lemmas
    assert lemmas._slots.acquire(blocking=False)
    with pytest.raises(QueueFull):
        lemmas.search(key, asked)
    with pytest.raises(QuotaExceeded):
        lemmas.search(key, asked)
    assert opened == [settings.premises_dir]


def test_keys_that_are_kept_apart_have_lists_of_their_own(tmp_path: Path) -> None:
    opened: list[Path] = []

    def library(folder: Path) -> LemmaLibrary:
        opened.append(folder)
        return library_opener(FakeProver())(folder)

    settings = Settings(cache_dir=tmp_path, pool_size=1, isolation="key")
    lemmas = KeyedLemmas(library, settings, lambda _key, _count: None)
    made = datetime(2026, 1, 1, tzinfo=UTC)
    for name in ("k", "l", "k"):
        key = ApiKey(id=name, name=name, scopes=(Scope.SUBMIT,), created_at=made)
        assert lemmas.search(key, LemmaSearch(name="A")).lemmas
    assert len(set(opened)) == len(opened) == 2
    assert all(folder.parent == settings.premises_dir for folder in opened)
