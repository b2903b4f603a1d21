"""One HTML file that compares runs: opens from disk, makes no network request, and shows foreign text as plain text.

The payload travels as JSON in a script element that is data, not code, and every `<` in it is escaped, so neither a
class called `</script>` nor a path with `<!--` can end it; the scripts of the page insert text by `textContent` only.
Plotly is three quarters of the file even compressed; the browser unpacks it after the table is drawn.
"""

import base64
import gzip
import html
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lightweight_ssd.plots.palette import class_colors, readable_on
from lightweight_ssd.system.atomic_write import write_atomic

__all__ = ["page_html", "safe_json", "write_page"]

# In the order in which the browser reads them; the last one starts the page.
_SCRIPTS = ("state.js", "cells.js", "table.js", "charts.js", "curves.js", "cost.js", "comparisons.js", "configs.js",
            "images.js", "page.js")  # fmt: skip


def write_page(path: Path, payload: dict[str, Any]) -> None:
    """Writes the page atomically: a browser that reloads never reads half a file.

    Args:
        path: HTML file; its folder is made where there is none.
        payload: What is compared, as JSON holds it: `title`, `rows`, `runs`, `classes`, `configs`, `images`,
            `paper_points`, `notes` and so on; a key that is missing counts as empty.

    Raises:
        ValueError: If a number of the payload is NaN or infinite.
        NotWritten: The disk is full or cannot be written; the page that was there is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page_html(payload).encode(), shared=True)


def page_html(payload: dict[str, Any]) -> str:
    """The whole page as text; `write_page` says what the payload holds."""
    colors = class_colors(len(payload.get("classes") or []))
    parts = {
        "title": html.escape(str(payload.get("title") or "Comparison of runs")),
        "css": _text("page.css"),
        "payload": safe_json(payload),
        "colors": safe_json([[color, readable_on(color)] for color in colors]),
        "script": "\n".join(_text(name) for name in _SCRIPTS),
        "plotly": _packed_plotly(),
    }
    # One pass: inserted text is never searched for placeholders again.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _text("page.html"))


def safe_json(value: Any) -> str:
    r"""JSON that may stand inside a script element: ASCII only, and no character that HTML reads.

    Args:
        value: What JSON holds; numbers finite, None where there is none.

    Raises:
        ValueError: If a number is NaN or infinite.

    Example:
        >>> safe_json({"class": "</script>"})
        '{"class":"\\u003c/script\\u003e"}'
    """
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"Expected finite numbers in the page's payload, but {error}; put None for NaN.") from error
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _text(name: str) -> str:
    return files("lightweight_ssd.report.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _packed_plotly() -> str:
    from plotly.offline import get_plotlyjs  # a slow import, needed only to write a page

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode("ascii")
