"""One Chromium for the tests of a module, and the page as a reader first sees it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.report.page.example_payload import example_payload
from tests.report.page.visit import Visit

from lightweight_ssd.report.page.html import write_page


def _chromium() -> str:
    for place in (os.environ.get("CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium")):
        if place and Path(place).exists():
            return place
    pytest.fail("Expected a Chromium to test the page in but found none; install it or name it in CHROMIUM.")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    path = tmp_path_factory.mktemp("page") / "index.html"
    write_page(path, example_payload(evil=True))
    assert path.stat().st_size < 6_000_000
    visit = Visit(browser, path)
    yield visit
    visit.page.close()


@pytest.fixture
def visit(shared: Visit) -> Visit:
    """The page as a reader first sees it, nothing chosen yet."""
    shared.page.evaluate("Object.assign(view, { hidden: [], sortKey: null, open: [], theme: null, axis: 'step' })")
    shared.page.evaluate("view.spread = 'range'; view.cost = 'parameters'; view.prClass = ''")
    shared.page.evaluate("keepView(); renderControls(); renderTable(); renderLegend(); renderConfigs(); applyTheme()")
    return shared
