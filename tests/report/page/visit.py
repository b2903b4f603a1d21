"""A page open in a browser, with all that it said and asked for."""

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route

PATIENCE = 120  # seconds, only so that a page that does not come ends the test
CHARTS = ("curve-a", "curve-b", "cost", "pr", "per-class", "errors", "sizes", "gray")


class Visit:
    """One page from disk; whatever it asks for beside its own file is refused and noted."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        self.page.set_default_timeout(PATIENCE * 1000)
        self.trouble: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.trouble.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.route("**/*", self._only_the_file)
        self.address = path.as_uri()
        self.page.goto(self.address)
        self.wait()

    def _dismiss(self, dialog: Dialog) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _only_the_file(self, route: Route) -> None:
        if route.request.url == self.address:
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()

    def wait(self) -> None:
        self.page.wait_for_selector("html[data-ready]")

    def labels(self) -> list[str]:
        return self.page.locator("#rows tr.row .label > .opener > .label").all_text_contents()

    def traces(self, chart: str, key: str = "meta") -> list[Any]:
        return self.page.evaluate(f"(document.getElementById('{chart}').data ?? []).map((trace) => trace['{key}'])")

    def layout(self, chart: str, path: str) -> Any:
        return self.page.evaluate(f"document.getElementById('{chart}').layout.{path}")


def until(visit: Visit, condition: str) -> None:
    """Waits for a condition in JavaScript; the page's own policy forbids Playwright's way, which compiles strings."""
    end = time.monotonic() + PATIENCE
    while not visit.page.evaluate(condition):
        if time.monotonic() > end:
            pytest.fail(f"Waited in vain for {condition}.")
        visit.page.wait_for_timeout(25)
