"""Text from other people's files, made harmless for the place where it is shown.

A class name, a label or a path is only text, but a terminal obeys control sequences, a spreadsheet computes a cell that
begins with `=`, Markdown turns `[a](b)` into a link, and a configuration replaces `${a}`. Each of these places has its
function here.
"""

import html
import re
import unicodedata
from typing import Any

__all__ = ["from_cell", "has_reference", "is_number", "markdown", "printable", "spreadsheet_cell"]

_REFERENCE = "${"
_COMPUTED = ("=", "+", "-", "@", "\t", "\r")  # first characters that make a spreadsheet read a cell as a formula
_AS_TEXT = "'"  # a spreadsheet takes what follows as text
_MARKUP = re.compile(r"""[\\`*|$]|(?<!\w)_|_(?!\w)|~(?=~)|(?<=\])(?=[(\[:])|!(?=\[)""")
_BLOCK = re.compile(r"^\d{0,9}(?=[#+=.)-])")  # of a heading, a list or the line below a heading


def printable(text: str, keep: str = "") -> str:
    r"""Text without anything that a terminal obeys or a font lacks: control characters, halves of characters, …

    Args:
        text: Any.
        keep: Characters that stay all the same, such as a line feed.

    Example:
        >>> printable("cat\x1b[31m\n")
        'cat\ufffd[31m\ufffd'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter in keep or letter.isprintable() else _instead(letter) for letter in text)


def has_reference(text: str) -> bool:
    """Whether a configuration that holds this text would put something else in its place.

    Example:
        >>> has_reference("${oc.env:HOME}"), has_reference("$5 {a}")
        (True, False)
    """
    return _REFERENCE in text


def spreadsheet_cell(value: Any) -> Any:
    """A value for a CSV file: text that a spreadsheet would compute gets an apostrophe in front; numbers stay.

    Example:
        >>> [spreadsheet_cell(each) for each in ("=1+1", "+ BLL", "cat", "-0.5", -0.5, None)]
        ["'=1+1", "'+ BLL", 'cat', '-0.5', -0.5, None]
    """
    if not isinstance(value, str) or not value.startswith((*_COMPUTED, _AS_TEXT)) or is_number(value):
        return value
    return _AS_TEXT + value


def from_cell(text: str) -> str:
    """The text that `spreadsheet_cell` was given.

    Example:
        >>> [from_cell(spreadsheet_cell(each)) for each in ("=1+1", "'a'", "cat")]
        ['=1+1', "'a'", 'cat']
    """
    return text.removeprefix(_AS_TEXT)


def markdown(text: str, starts_line: bool = False) -> str:
    r"""Text as one line of Markdown that shows it: no HTML, link, picture, formula, emphasis or end of a table's cell.

    Args:
        text: Any.
        starts_line: Whether it stands where a heading, a list or a quotation could begin.

    Example:
        >>> markdown("<b> a|b [c](d) *e* gray_mix_rgb [1.0, 2.0]")
        '&lt;b&gt; a\\|b [c]\\(d) \\*e\\* gray_mix_rgb [1.0, 2.0]'
    """
    shown = html.escape(_MARKUP.sub(r"\\\g<0>", " ".join(text.split())), quote=False)
    return _BLOCK.sub(r"\g<0>\\", shown) if starts_line else shown


def _instead(letter: str) -> str:
    return " " if unicodedata.category(letter) == "Zs" else "\N{REPLACEMENT CHARACTER}"


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number, such as `4362e60`."""
    try:
        float(text)
    except ValueError:
        return False
    return True
