"""The XML of one VOC annotation file, read with suspicion: what keeps it from being one is named, never raised."""

import xml.etree.ElementTree as ET
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

__all__ = ["Fault", "FaultKind", "parse_xml"]


class FaultKind(Enum):
    """What can be wrong with an annotation file, or with a line of a list."""

    DUPLICATE_IMAGE = auto()  # these two are faults of a list
    MISSING_IMAGE = auto()
    MISSING = auto()
    MALFORMED = auto()  # no XML, or an element that has no kind of its own
    DOCUMENT_TYPE = auto()
    NO_SIZE = auto()
    UNKNOWN_CLASS = auto()
    WRONG_FLAG = auto()
    BOX_NOT_NUMBERS = auto()
    BOX_INVERTED = auto()
    BOX_OUTSIDE = auto()
    BOX_WITHOUT_AREA = auto()


class Fault(NamedTuple):
    """One thing that is wrong.

    Attributes:
        kind: What.
        error: What the reader raises: a sentence that names the file, what was expected, what came and what to do.
        detail: In a few words, for a list that names the file already; of a line of a list its text.
    """

    kind: FaultKind
    error: Exception
    detail: str


def parse_xml(path: Path) -> ET.Element | Fault:
    """The tree of one annotation file, without namespaces; or what keeps it from being one."""
    parser = ET.XMLParser(target=_PlainTree())
    try:
        parser.feed(path.read_bytes())
        return _annotation(parser.close(), path)
    except FileNotFoundError:
        sentence = f"Expected an annotation at {path}, but there is no such file: put it there."
        return Fault(FaultKind.MISSING, FileNotFoundError(sentence), "there is no such file")
    except OSError as error:
        sentence = f"Expected a readable annotation at {path}, but {error.strerror}: make it readable."
        return Fault(FaultKind.MALFORMED, ValueError(sentence), str(error))
    except _DocumentTypeError:
        sentence = f"Expected a plain VOC annotation in {path}, but it declares a document type: remove it."
        detail = "entities can blow a small file up, so none are read"
        return Fault(FaultKind.DOCUMENT_TYPE, ValueError(sentence), detail)
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two: an unknown encoding
        sentence = f"Expected well-formed XML in {path}, but {error}: correct or remove the file."
        return Fault(FaultKind.MALFORMED, ValueError(sentence), str(error))


def _annotation(root: ET.Element, path: Path) -> ET.Element | Fault:
    """The root of a VOC annotation; of other XML a reader would find no objects, in silence."""
    if root.tag == "annotation":
        return root
    if root.tag.startswith("{"):  # a namespace
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return _annotation(root, path)
    sentence = (
        f"Expected <annotation> as the root of {path}, but got <{root.tag}>, which is no VOC annotation: remove it."
    )
    return Fault(FaultKind.MALFORMED, ValueError(sentence), f"its root is <{root.tag}>, not <annotation>")


class _PlainTree(ET.TreeBuilder):
    """Builds the tree, but stops at a document type: its entities can blow a small file up, and no annotation needs it.

    Asking the parser, not searching the bytes, finds it in every encoding.
    """

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _DocumentTypeError


class _DocumentTypeError(Exception):
    pass
