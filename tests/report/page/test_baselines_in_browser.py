"""A page over several tables: each row is compared with the baseline of its own table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.report.page.example_payload import example_payload
from tests.report.page.visit import Visit

from lightweight_ssd.report.page.html import write_page

pytestmark = pytest.mark.browser


def _two_tables() -> dict[str, Any]:
    """The first three rows as one table, the other two as another, whose baseline is its second row."""
    payload = example_payload()
    rows = payload["rows"]
    for row in rows:
        base = rows[0] if row in rows[:3] else rows[4]
        row |= {"baseline": row is base, "compared_with": None if row is base else base["label"]}
    payload["baseline"] = rows[4]["difference"] = None
    return payload


@pytest.fixture
def tables(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    write_page(tmp_path / "index.html", _two_tables())
    visit = Visit(browser, tmp_path / "index.html")
    yield visit
    visit.page.close()


def test_each_table_has_its_baseline(tables: Visit) -> None:
    cells = tables.page.locator("tr.row td.difference").all_text_contents()
    assert [place for place, text in enumerate(cells) if text == "baseline"] == [0, 4]
    facts = str(tables.page.locator("#facts").text_content())
    assert "baselines MBlitenet + CFPN, + BLL + GrayMixRGB" in facts
    assert tables.page.locator("tr.row td.difference span[title='vs. + BLL + GrayMixRGB']").count() == 1
    assert tables.trouble == []


def test_configs_are_marked_where_they_differ_from_the_own_baseline(tables: Visit) -> None:
    lines = tables.page.locator("table.configs tbody tr")
    for number in range(lines.count()):
        cells = lines.nth(number).locator("td")
        texts = [str(cells.nth(place).get_attribute("title")) for place in range(5)]
        marked = ["changed" in str(cells.nth(place).get_attribute("class")) for place in range(5)]
        assert marked == [text != texts[0 if place < 3 else 4] for place, text in enumerate(texts)]


def test_images_show_a_row_beside_the_baseline_it_is_compared_with(tables: Visit) -> None:
    tables.page.evaluate("view.runA = 'r4s0'; renderImages()")
    chosen = [tables.page.locator(f"#run-{side}").input_value() for side in "ab"]
    assert chosen == ["r4s0", "r3s0"]
