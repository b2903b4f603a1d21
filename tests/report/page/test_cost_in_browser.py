"""Accuracy against cost: who may stand beside the paper's results, and names that do not cover one another."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.report.page.example_payload import example_payload
from tests.report.page.visit import Visit, until

from lightweight_ssd.report.page.html import write_page
from lightweight_ssd.report.paper_results import TABLE_5

pytestmark = pytest.mark.browser


def _open(browser: Browser, tmp_path: Path, payload: dict[str, Any], width: int = 1280) -> Visit:
    write_page(tmp_path / "index.html", payload)
    visit = Visit(browser, tmp_path / "index.html")
    visit.page.set_viewport_size({"width": width, "height": 900})
    until(visit, "document.getElementById('cost').layout.width <= innerWidth")
    return visit


def _as_in_the_paper() -> dict[str, Any]:
    points = [{key: getattr(each, key) for key in ("name", "map_50", "parameters", "latency_ms")} for each in TABLE_5]
    return example_payload() | {"paper_points": points}


def test_rows_on_other_data_never_stand_beside_the_papers_points(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload()
    for row in payload["rows"][1:]:
        row["comparable_with_paper"] = False
    visit = _open(browser, tmp_path, payload)
    assert visit.traces("cost") == [None, "MBlitenet + CFPN"] and len(visit.traces("cost", "x")[0]) == 8
    assert "4 rows on other data" in str(visit.page.locator("#cost-hint").text_content())
    visit.page.get_by_label("paper", exact=True).uncheck()
    assert len([name for name in visit.traces("cost") if name]) == 5 and visit.traces("cost", "x")[0] == []
    visit.page.get_by_label("paper", exact=True).check()
    visit.page.get_by_label("MBlitenet + CFPN in the plots", exact=True).uncheck()
    assert len([name for name in visit.traces("cost") if name]) == 4 and visit.traces("cost", "x")[0] == []
    assert visit.trouble == []
    visit.page.close()


def test_latencies_of_another_device_stand_without_the_papers(browser: Browser, tmp_path: Path) -> None:
    payload = example_payload()
    for point in payload["paper_points"]:
        point["latency_ms"] = None
    for row in payload["rows"]:
        row["latency"] |= {"device": "a CPU, 2 threads", "busy": row["id"] == "r1"}
        row["comparable_with_paper"] = row["id"] != "r2"
    visit = _open(browser, tmp_path, payload)
    visit.page.get_by_label("latency", exact=True).check(force=True)
    assert len([name for name in visit.traces("cost") if name]) == 5 and visit.traces("cost", "x")[0] == []
    hint = str(visit.page.locator("#cost-hint").text_content())
    assert "Measured on a CPU, 2 threads. The paper's latencies are those of an RTX 2080 Ti and not drawn." in hint
    assert visit.page.locator("td.latency_ms .chip.busy").all_text_contents() == ["busy"]
    assert "+ BLL (busy machine)" in visit.traces("cost")
    visit.page.close()


@pytest.mark.parametrize("cost", ["parameters", "latency"])
@pytest.mark.parametrize(("width", "printed"), [(1280, False), (390, False), (1280, True)])
def test_names_of_the_papers_points_do_not_cover_one_another(
    browser: Browser, tmp_path: Path, cost: str, width: int, printed: bool
) -> None:
    visit = _open(browser, tmp_path, _as_in_the_paper(), width)
    visit.page.get_by_label(cost, exact=True).check(force=True)
    if printed:
        visit.page.emulate_media(media="print")
        until(visit, "document.getElementById('cost').layout.width === 480")
    covered = visit.page.evaluate("""() => {
      const texts = [...document.querySelectorAll("#cost .annotation-text")];
      const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
      return boxes.flatMap(([name, a], place) => boxes.slice(place + 1)
        .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2)
        .map(([other]) => `${name} / ${other}`));
    }""")
    assert covered == []
    visit.page.close()
