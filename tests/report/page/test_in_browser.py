"""The page in a real, headless Chromium: it draws, sorts and selects, and runs nothing it is given."""

import pytest
from tests.report.page.example_payload import EVIL, example_payload
from tests.report.page.visit import CHARTS, Visit, until

pytestmark = pytest.mark.browser


def test_loads_without_an_error_a_dialog_or_a_request(visit: Visit) -> None:
    assert visit.trouble == []
    assert visit.requests == []
    for chart in CHARTS:
        assert visit.page.locator(f"#{chart} svg.main-svg").count() > 0, f"{chart} drew nothing"


def test_markup_in_names_is_shown_as_text(visit: Visit) -> None:
    page = visit.page
    assert page.locator("h1").text_content() == f"table4 {EVIL}"
    assert f"+ Mosaic {EVIL} <b>%{{x}}</b>" in visit.labels()
    for text in (EVIL, "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>"):
        assert text in str(page.text_content("body"))
    page.evaluate("view.hidden = []; view.open = payload.rows.map((row) => row.id); selectionChanged()")
    assert f"runs/{EVIL}/</script>" in page.locator("table.runs td").all_text_contents()
    assert page.locator("body script:not([id])").count() == 1
    assert page.locator("body img, body b:has-text('%{x}')").count() == 0
    ticks = page.locator("#per-class .ytick text").all_text_contents()
    assert "</script><script>…"[:17] in " ".join(ticks)
    assert visit.trouble == []


def test_hover_shows_names_as_they_are(visit: Visit) -> None:
    page = visit.page
    page.evaluate("Plotly.Fx.hover(document.getElementById('gray'), [{ curveNumber: 3, pointNumber: 1 }])")
    until(visit, "document.querySelector('#gray .hoverlayer').textContent.includes('72.7')")  # Plotly may put it off
    assert f"{EVIL} <b>%{{x}}</b>" in str(page.locator("#gray .hoverlayer").text_content())
    assert visit.trouble == []


@pytest.mark.parametrize(
    ("column", "first", "last"),
    [
        ("map_50", "+ BLL + GrayMixRGB", "+ Mosaic"),
        ("gray_map_50", "+ BLL + GrayMixRGB", "+ Mosaic"),
        ("coco_ap", "+ BLL + GrayMixRGB", "+ Mosaic"),
        ("difference", "+ BLL + GrayMixRGB", "MBlitenet + CFPN"),
        ("label", "+ BLL", "MBlitenet + CFPN"),
    ],
)
def test_sorts_by_value(visit: Visit, column: str, first: str, last: str) -> None:
    button = visit.page.locator(f"[data-sort='{column}']")
    button.click()
    once = visit.labels()
    assert once[0] == first and once[-1].startswith(last)
    assert button.locator("..").get_attribute("aria-sort") == ("ascending" if column == "label" else "descending")
    visit.page.keyboard.press("Enter")  # the heading keeps the focus
    again = visit.labels()
    known = once[:-1] if column == "difference" else once  # the baseline has no difference and stays last
    assert again == known[::-1] + once[len(known) :]
    assert visit.page.locator("th[aria-sort='ascending'], th[aria-sort='descending']").count() == 1


def test_charts_follow_the_selection(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("+ GrayMixRGB in the plots", exact=True).uncheck()
    for chart in ("cost", "pr", "per-class", "sizes", "gray"):
        names = [name for name in visit.traces(chart) if name]
        assert names and "+ GrayMixRGB" not in names and "+ BLL + GrayMixRGB" in names
    assert "+ GrayMixRGB" not in visit.traces("curve-a")
    assert page.locator("table.configs thead th").count() == 5
    assert page.locator("#legend [aria-pressed='false']").count() == 1
    page.locator("#legend button", has_text="+ GrayMixRGB").first.click()
    assert "+ GrayMixRGB" in visit.traces("curve-a")
    page.locator("#select-none").click()
    assert "No row is selected" in str(page.locator("#curve-a").text_content())
    page.locator("#select-all").click()
    assert len(set(visit.traces("gray"))) == 5


def test_x_axis_and_bands_of_the_curves(visit: Visit) -> None:
    page = visit.page
    farthest = "Math.max(...document.getElementById('curve-a').data.flatMap((trace) => trace.x))"
    assert page.evaluate(farthest) == 6000
    assert visit.traces("curve-a", "name").count("band") == 5
    page.get_by_label("epoch", exact=True).check(force=True)
    assert page.evaluate(farthest) == 60
    page.get_by_label("hours", exact=True).check(force=True)
    assert page.evaluate(farthest) < 3
    assert visit.layout("curve-a", "xaxis.title.text") == "training time (h)"
    page.get_by_label("± std", exact=True).check(force=True)
    assert "standard deviation" in str(page.locator("#curve-hint").text_content())
    page.get_by_label("single runs", exact=True).check(force=True)
    assert len(visit.traces("curve-a")) == 15
    page.locator("#curve-b-key").select_option("val/loss")
    assert visit.layout("curve-b", "yaxis.title.text") == "val loss"


def test_mean_and_band_are_those_of_the_finished_seeds(visit: Visit) -> None:
    runs = [run for run in example_payload()["runs"] if run["row"] == "r0"]
    place = runs[0]["curves"]["step"].index(3000)
    values = [100 * run["curves"]["val/map_50"][place] for run in runs]
    drawn = visit.page.evaluate("""() => {
      const [band, line] = rowCurves(payload.rows[0], "val/map_50");
      const at = line.x.indexOf(3000);
      return [line.y[at], band.y[at], band.y[band.y.length - 1 - at]];
    }""")
    assert drawn == pytest.approx([sum(values) / 3, max(values), min(values)])


def test_cost_axis_has_the_papers_points(visit: Visit) -> None:
    page = visit.page
    assert "YOLOv3" in visit.traces("cost", "text")[0]
    page.get_by_label("latency", exact=True).check(force=True)
    assert visit.traces("cost", "x")[0] == [23.0, 23.5, 46.0, 23.7]
    page.get_by_label("MACs", exact=True).check(force=True)
    assert visit.traces("cost", "x")[0] == []
    bars = page.evaluate("document.getElementById('cost').data[1].error_y.array[0]")
    assert bars == pytest.approx(0.7)
    page.get_by_label("latency", exact=True).check(force=True)
    across = page.evaluate("document.getElementById('cost').data[1].error_x")
    assert (across["array"][0], across["arrayminus"][0]) == pytest.approx((2.8, 0.9))
    assert "the paper's latencies (RTX 2080 Ti)" in str(page.locator("#cost-hint").text_content())
    cell = str(page.locator("td.latency_ms").first.text_content())
    assert cell == "22.4 ms21.5–25.2"


def test_precision_and_recall_of_a_class(visit: Visit) -> None:
    mean = visit.traces("pr", "y")
    visit.page.locator("#pr-class").select_option("</script><script>alert(1)</script>")
    assert visit.traces("pr", "y") != mean
    assert "&lt;/script&gt;" in visit.layout("pr", "yaxis.title.text")


def test_only_keys_that_differ_are_listed(visit: Visit) -> None:
    visit.page.evaluate("view.hidden = ['r1', 'r3', 'r4']; selectionChanged()")
    keys = visit.page.locator("table.configs tbody th").all_text_contents()
    assert keys == ["augment.name", "augment.steps.gray_mix_rgb.p"]


def test_images_are_ranked_and_drawn(visit: Visit) -> None:
    page = visit.page
    images = example_payload()["images"]
    gaps = sorted((abs(one["score"]["r0s1"] - one["score"]["r4s0"]) for one in images), reverse=True)
    page.locator("#run-a").select_option("r0s1")
    page.locator("#run-b").select_option("r4s0")
    shown = page.locator(".pair figcaption .quiet").all_text_contents()
    assert shown == [f" scores differ by {100 * gap:.1f}" for gap in gaps[:6]]
    page.locator("#more-images").click()
    assert page.locator(".pair canvas").count() == 16
    colors = """(canvas) => new Set(new Uint32Array(
      canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
    until(visit, f"[...document.querySelectorAll('.pair canvas')].every((one) => ({colors})(one) > 3)")
