"""How the page looks elsewhere: dark, printed, narrow, loaded again, served, and with little or nothing to show."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route
from tests.report.page.example_payload import example_payload
from tests.report.page.visit import CHARTS, PATIENCE, Visit, until

from lightweight_ssd.report.page.html import write_page

pytestmark = pytest.mark.browser


def _open(browser: Browser, tmp_path: Path, payload: dict[str, Any]) -> Visit:
    write_page(tmp_path / "index.html", payload)
    return Visit(browser, tmp_path / "index.html")


def test_theme_changes_page_and_charts(visit: Visit) -> None:
    page = visit.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light, ink = page.evaluate(ground), visit.layout("curve-a", "font.color")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    assert visit.layout("curve-a", "font.color") != ink
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(ground) == light


def test_theme_is_the_systems_until_one_is_chosen(visit: Visit) -> None:
    theme = "document.documentElement.dataset.theme"
    visit.page.emulate_media(color_scheme="dark")
    until(visit, f"{theme} === 'dark'")
    visit.page.get_by_role("button", name="Light").click()
    assert visit.page.evaluate(theme) == "light"
    visit.page.emulate_media(color_scheme="light")


def test_print_is_light_and_without_controls(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Dark").click()
    page.emulate_media(media="print")
    until(visit, "document.documentElement.dataset.theme === 'light'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#theme, #select-all, .radios, #curve-a-key").filter(visible=True).count()
    assert visit.layout("per-class", "width") == 1000
    page.emulate_media(media="screen")
    until(visit, "document.documentElement.dataset.theme === 'dark'")
    assert visit.trouble == []


def test_choices_survive_a_reload(visit: Visit) -> None:
    page = visit.page
    page.locator("[data-sort='map_50']").click()
    page.get_by_label("epoch", exact=True).check(force=True)
    page.get_by_label("+ BLL in the plots", exact=True).uncheck()
    order = visit.labels()
    page.reload()
    visit.wait()
    assert visit.labels() == order
    assert page.get_by_label("epoch", exact=True).is_checked()
    assert not page.get_by_label("+ BLL in the plots", exact=True).is_checked()
    assert "+ BLL" not in visit.traces("curve-a")


def test_narrow_window_does_not_scroll_sideways(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 380, "height": 800})
    until(visit, "document.getElementById('per-class').layout.width < 380")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 380
    visit.page.set_viewport_size({"width": 1280, "height": 900})
    until(visit, "document.getElementById('per-class').layout.width > 1000")


def test_nothing_to_compare_is_said_in_sentences(browser: Browser, tmp_path: Path) -> None:
    visit = _open(browser, tmp_path, {"title": "empty"})
    assert "No runs were found" in str(visit.page.locator("#rows").text_content())
    assert visit.page.locator(".chart .empty").count() == len(CHARTS)
    assert visit.trouble == []
    visit.page.close()


def test_a_row_without_metrics_has_sentences_in_place_of_plots(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload()
    bare = {"curves": {}, "per_class": {}, "precision_recall": {}, "state": "running"}
    missing = dict.fromkeys(("difference", "gray_difference", "interval", "errors", "sizes", "paper"))
    row = payload["rows"][4] | missing | {"metrics": dict.fromkeys(payload["rows"][4]["metrics"]), "latency": None}
    payload |= {"rows": [row], "runs": [run | bare for run in payload["runs"] if run["row"] == "r4"], "images": []}
    visit = _open(browser, tmp_path, payload)
    assert visit.page.locator(".chart .empty").count() == len(CHARTS)
    assert visit.page.locator("[data-sort='coco_ap']").count() == 0
    assert visit.trouble == []
    visit.page.close()


def test_runs_under_way_have_progress_and_curves_but_no_line_in_the_table(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload()
    started = {key: payload["rows"][4][key] for key in ("id", "label", "experiment", "scale", "planned")}
    runs = [run for run in payload["runs"] if run["row"] == "r4" and run["state"] == "running"]
    started |= {"finished": 0, "state": "running", "runs": [run["id"] for run in runs]}
    payload |= {"rows": payload["rows"][:1], "started": [started]}
    visit = _open(browser, tmp_path, payload)
    assert visit.labels() == ["MBlitenet + CFPN"]
    line = str(visit.page.locator("#progress-runs li").text_content())
    assert "+ BLL + GrayMixRGB seed 2" in line and "step 3,600 of 6,000 · 38 min left · val mAP@0.5 61.2" in line
    assert visit.page.evaluate("document.querySelector('progress').position") == pytest.approx(0.6)
    assert "+ BLL + GrayMixRGB, seed 2" in visit.traces("curve-a") + visit.traces("curve-a", "name") or any(
        "+ BLL + GrayMixRGB" in str(name) for name in visit.traces("curve-a", "name")
    )
    assert "+ BLL + GrayMixRGB" not in visit.traces("cost") and visit.page.locator("#legend button").count() == 2
    payload |= {"rows": [], "images": [], "notes": []}
    visit.page.close()
    visit = _open(browser, tmp_path, payload)
    assert "No run has finished yet" in str(visit.page.locator("#rows").text_content())
    assert visit.page.locator("#curve-a svg.main-svg").count() > 0 and visit.trouble == []
    visit.page.close()


def test_what_is_in_no_table_stands_in_one_closed_list(visit: Visit) -> None:
    box = visit.page.locator("#left-out")
    assert box.locator("summary").text_content() == "Not in the table: 1 run in progress, 1 failed."
    assert box.get_attribute("open") is None and not box.locator("table").is_visible()
    box.locator("summary").click()
    cells = box.locator("td").all_text_contents()
    assert cells[:2] == ["failed", "table4: + Mosaic (seed 2)"] and cells[2].startswith("ValueError")
    box.locator("summary").click()


@pytest.mark.parametrize(("count", "opened"), [(4, True), (5, False)])
def test_many_notes_are_folded(browser: Browser, tmp_path: Path, count: int, opened: bool) -> None:
    visit = _open(browser, tmp_path, example_payload() | {"notes": [f"Note {place}." for place in range(count)]})
    assert visit.page.locator("#notes ul").is_visible() == opened
    visit.page.locator("#notes summary").click()
    visit.page.reload()
    visit.wait()
    assert visit.page.locator("#notes ul").is_visible() != opened
    visit.page.close()


def test_a_single_run_shows_its_detections(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload()
    payload |= {"rows": [payload["rows"][0] | {"runs": ["r0s0"]}], "runs": payload["runs"][:1]}
    visit = _open(browser, tmp_path, payload)
    assert visit.page.locator("#images-title").text_content() == "Detections"
    assert visit.page.locator(".pair canvas").count() == 6 and not visit.page.locator("#run-b").is_visible()
    assert visit.page.locator(".pair figcaption").first.text_content() == "000000.jpg"
    assert visit.trouble == []
    visit.page.close()


def test_one_seed_has_a_line_and_no_band(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload()
    payload["rows"] = [row | {"runs": row["runs"][:1]} for row in payload["rows"][:1]]
    payload["rows"][0]["metrics"]["map_50"] = {"mean": 0.74, "std": None, "n": 1}
    visit = _open(browser, tmp_path, payload)
    assert visit.traces("curve-a", "name") == ["MBlitenet + CFPN"]
    assert "±" not in str(visit.page.locator("td.map_50").text_content())
    assert visit.trouble == []
    visit.page.close()


def test_a_served_page_reloads_when_its_version_changes(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload() | {"watch": True, "version": "1"}
    state = {"version": "1"}

    def answer(route: Route) -> None:
        if route.request.url.endswith("version.json"):
            route.fulfill(json=state)
        else:
            write_page(tmp_path / "index.html", payload | {"title": f"version {state['version']}"} | state)
            route.fulfill(body=(tmp_path / "index.html").read_text(), content_type="text/html")

    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.clock.install()
    page.route("**/*", answer)
    page.goto("http://127.0.0.1:9/index.html")
    page.wait_for_selector("html[data-ready]")
    page.wait_for_selector("#live:text-is('live')")
    page.get_by_label("+ BLL in the plots", exact=True).uncheck()
    state["version"] = "2"
    page.clock.fast_forward(4000)
    page.wait_for_selector("h1:text-is('version 2')")
    page.wait_for_selector("html[data-ready]")
    assert not page.get_by_label("+ BLL in the plots", exact=True).is_checked()
    assert json.loads(page.evaluate("sessionStorage.getItem(storageKey)"))["hidden"] == ["r1"]
    page.close()
