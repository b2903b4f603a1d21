"""The file as text: nothing of the payload becomes markup, nothing is fetched, and it is all there."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from lightweight_ssd.plots.palette import class_colors
from lightweight_ssd.report.page.html import page_html, safe_json, write_page
from lightweight_ssd.system.atomic_write import NotWritten

EVIL = ["<script>alert(1)</script>", "</script>", "<!--", "]]>", "\u2028", "&lt;", "{{plotly}}", "\\", '"', "'", "é"]


class _Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of each script by its id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script":
            name = self.found[-1][1].get("id") or "code"
            self.scripts[name] = self.scripts.get(name, "") + data


def _evil_payload() -> dict:
    return {"title": "<b>&\"'</b>{{css}}", "classes": EVIL, "rows": [], "runs": [], "notes": EVIL}


@pytest.mark.parametrize("text", EVIL)
def test_safe_json_holds_any_text_and_no_markup(text: str) -> None:
    written = safe_json({text: [text, 1, None]})
    assert json.loads(written) == {text: [text, 1, None]}
    assert written.isascii()
    assert not set(written) & set("<>&")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_lacks_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="put None for NaN"):
        safe_json({"map_50": value})


def test_payload_comes_back_from_the_page() -> None:
    payload = _evil_payload()
    elements = _Elements(page_html(payload))
    assert json.loads(elements.scripts["payload"]) == payload
    colors = [color for color, _ in json.loads(elements.scripts["class-colors"])]
    assert colors == class_colors(len(EVIL))
    assert [tag for tag, _ in elements.found].count("script") == 4


def test_title_is_text_in_the_head() -> None:
    text = page_html(_evil_payload())
    assert "<title>&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;{{css}}</title>" in text


def test_plotly_is_whole() -> None:
    packed = _Elements(page_html({})).scripts["plotly"]
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()


def test_nothing_is_fetched() -> None:
    text = page_html(_evil_payload())
    for tag, attributes in _Elements(text).found:
        for name in ("src", "href", "data", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:"), f"<{tag}> fetches {attributes[name]}"
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style
    addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", _Elements(text).scripts["code"]))
    assert addresses == {"http://www.w3.org"}  # the name of SVG, which no browser fetches
    assert "default-src 'none'" in text


def test_no_script_writes_markup() -> None:
    code = _Elements(page_html({})).scripts["code"]
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code)


def test_writes_one_file_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "index.html"
    write_page(path, _evil_payload())
    write_page(path, _evil_payload())
    assert path.read_text(encoding="utf-8") == page_html(_evil_payload())
    assert [one.name for one in path.parent.iterdir()] == ["index.html"]


def test_page_itself_leaves_room_for_images() -> None:
    assert len(page_html({}).encode()) < 3_000_000


def test_a_page_that_cannot_be_written_is_one_sentence_and_leaves_no_remains(tmp_path: Path) -> None:
    (tmp_path / "index.html" / "old").mkdir(parents=True)
    with pytest.raises(NotWritten, match=r"Expected to write .*index\.html .* but got 'Is a directory'"):
        write_page(tmp_path / "index.html", {"title": "a"})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["index.html", "old"]
