"""The web page in a real Chromium: submit and watch, read diagnostics, walk a lineage, cancel."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_attempter import FakeAttempter
from fake_checker import TOOLCHAIN, FakeChecker
from live_api import LiveApi, live_api
from playwright.sync_api import Browser, Page, expect, sync_playwright

from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    Evidence,
    Position,
    Rejected,
    RejectReason,
    Severity,
    Usage,
    Verdict,
    content_hash,
)
from aludel.records import TheoremRecord, VariantRecord
from aludel.settings import Settings
from aludel.store import Scope, Store

CHROMIUM = shutil.which("chromium")
SHOTS = Path(__file__).parents[2] / "out" / "screenshots"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)"),
]


class _Speaking(FakeChecker):
    """Says where a candidate is wrong."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        if word != "theorem":
            return super()._decide(word, key, usage)
        said = Diagnostic(
            severity=Severity.ERROR,
            message="type mismatch <b>here</b>",
            start=Position(line=2, column=2),
            end=Position(line=2, column=8),
        )
        reason = RejectReason.ELABORATION
        return Rejected(hash=key, reason=reason, diagnostics=(said,), usage=usage)


def _fill(store: Store) -> None:
    store.toolchains.register(TOOLCHAIN)
    names = ("Nat.add_comm", "Nat.zero_add")
    theorems = [
        TheoremRecord(name=n, module="Nat", statement=f"theorem {n} : 0 = 0") for n in names
    ]
    store.theorems.add_many(TOOLCHAIN.digest, theorems)
    for name, parent, number in (("v1", "Nat.add_comm", 1), ("v1/2", "v1", 2)):
        request = CheckRequest(code=f"accept {name}")
        key = content_hash(TOOLCHAIN.digest, request)
        store.verdicts.put(request, TOOLCHAIN, Accepted(hash=key, evidence=Evidence()))
        store.variants.add(
            VariantRecord(
                name=name,
                statement=f"theorem {name} : 1 = 1",
                proof="p",
                rule="rw",
                lemma="Nat.zero_add",
                direction="forward",
                position="goal",
                round=number,
                parents=(parent, "Nat.zero_add"),
                imports=("Init",),
                toolchain_digest=TOOLCHAIN.digest,
                verdict_hash=key,
                term_hash=name,
            )
        )


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder = tmp_path_factory.mktemp("web")
    settings = Settings(data_dir=folder, pool_size=2)
    with live_api(settings, lambda _: _Speaking(), attempter=FakeAttempter) as opened:
        _fill(opened.store)
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, api: LiveApi) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 390, "height": 800})  # a phone
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((api.url, "data:"))
            else wrong.append(f"a request to {request.url}")
        ),
    )
    opened.goto(f"{api.url}/")
    yield opened
    SHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", os.environ.get("PYTEST_CURRENT_TEST", "page").split("::")[-1])
    opened.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    width = opened.evaluate("document.documentElement.scrollWidth")
    opened.close()
    assert wrong == []
    assert width <= 390, "the page is wider than a phone"


def test_a_check_is_submitted_without_a_mouse_and_its_diagnostics_read(page: Page) -> None:
    page.get_by_role("link", name="Check", exact=True).press("Enter")
    page.get_by_label("Statement").fill("")
    page.get_by_label("Candidate").fill("theorem t : 1 = 2 :=\n  by rfl")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#counts")).to_contain_text("1 rejected")
    page.locator("summary").first.press("Enter")
    said = page.locator(".said")
    expect(said).to_have_text("error: type mismatch <b>here</b>")
    expect(page.locator("code.at")).to_contain_text("by rfl")


def test_a_job_is_watched_and_cancelled(page: Page, api: LiveApi) -> None:
    body = {"requests": [{"code": f"sleep 0.3 accept {n}"} for n in range(400)]}
    page.request.post(f"{api.url}/v1/checks", data=body)
    page.get_by_role("link", name="Jobs").click()
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.locator("#counts")).to_contain_text(re.compile(r"[1-9]\d* accepted"))
    expect(page.locator("details").first).to_be_visible()
    page.get_by_role("button", name="Cancel the job").press("Enter")
    expect(page.locator("#counts .cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the job")).to_be_hidden()


def test_problems_are_watched_as_they_are_proved(page: Page, api: LiveApi) -> None:
    problems = [
        {"name": f"p{n}", "statement": f"sleep 0.2 {word} {n}"}
        for n, word in enumerate(("accept", "reject", "accept"))
    ]
    body = {"problems": problems, "options": {"samples": 2}}
    job = page.request.post(f"{api.url}/v1/attempts", data=body).json()["id"]
    page.goto(f"{api.url}/#/job/{job}")
    expect(page.locator("#counts")).to_contain_text("3 of 3 ended: 2 proved")
    expect(page.locator("#figures")).to_contain_text("pass@2")
    expect(page.locator("details", has_text="p1")).to_contain_text("open")
    page.locator("summary").first.press("Enter")
    expect(page.locator("details[open]")).to_contain_text("of 2 accepted")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("table")).to_contain_text("3 of 3, 2 proved")


def test_from_a_variant_to_its_parent(page: Page) -> None:
    page.get_by_role("link", name="Variants").click()
    page.get_by_role("link", name="v1/2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("v1/2")
    assert page.locator("svg path.edge").count() == 4
    page.locator("svg a[aria-label='v1']").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("v1")
    page.get_by_role("list").get_by_role("link", name="Nat.add_comm").click()
    expect(page.locator("pre")).to_contain_text("theorem Nat.add_comm")


def test_corpus_and_provers(page: Page) -> None:
    page.get_by_role("link", name="Corpus").click()
    expect(
        page.get_by_role("img", name=re.compile("Variants by lemma: Nat.zero_add 2"))
    ).to_be_visible()
    page.get_by_role("link", name="Provers").click()
    expect(page.get_by_text("will be carried out")).to_be_visible()
    expect(page.get_by_text("lean-fake")).to_be_visible()


def test_an_error_is_told_and_a_key_is_used(browser: Browser, tmp_path: Path) -> None:
    with live_api(Settings(data_dir=tmp_path, require_key=True)) as api:
        _, shown = api.store.keys.create("web", list(Scope))
        page = browser.new_page()
        page.goto(f"{api.url}/")
        expect(page.get_by_role("status")).to_contain_text("an API key is needed")
        page.get_by_label("API key").fill(shown)
        page.keyboard.press("Enter")
        expect(page.get_by_text("No job yet.")).to_be_visible()
        page.close()


def test_every_control_has_a_name_and_the_page_a_policy(page: Page, api: LiveApi) -> None:
    for address in ("jobs", "check", "variants", "corpus", "provers"):
        page.goto(f"{api.url}/#/{address}")
        expect(page.get_by_role("heading", level=1)).not_to_have_text("…")
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input,textarea,button,a")].filter((e) =>
            !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label")))
            .map((e) => e.outerHTML)"""
        )
        assert nameless == []
    headers = page.request.get(f"{api.url}/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert page.request.get(f"{api.url}/static/../app.py").status == 404


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("constructor", ""),
        ("__proto__/x", ""),
        ("job/%", "cannot be read"),
        ("job/..", "there is no job .."),
        ("job/%2e%2e%2fkeys", "there is no job ../keys"),
        ("variants/..", "there is no variants .."),
        ("variant/..", "theorem"),
        ("variant/%E0%A4%A", "cannot be read"),
    ],
)
def test_an_address_is_anybodys_text(page: Page, api: LiveApi, address: str, told: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(api.url)))
    page.goto(f"{api.url}/#/{address}")
    if told:
        expect(page.get_by_role("status")).to_contain_text(told)
    else:
        expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    assert all(
        re.fullmatch(r"/(static/.*|v1/(jobs|lineage)\?.*|v1/events.*|)", url) for url in asked
    ), asked
    page.get_by_role("link", name="Corpus").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Corpus")
