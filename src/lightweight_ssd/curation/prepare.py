"""A public data set, downloaded, verified and unpacked, ready to train on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from lightweight_ssd.config.arguments import Count, Seconds, checked
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.overrides import quoted
from lightweight_ssd.curation.source import composed
from lightweight_ssd.download.archives import Download

__all__ = ["DataPreparation", "data_prepare"]


@dataclass(frozen=True)
class DataPreparation:
    """What is in place now.

    Attributes:
        title: Name of the data set.
        root: Its folder.
        prepared: Parts that were not there before.
        missing: Parts that are not there.
        overrides: What `lssd train` or `lssd.compose` needs to use it; None where too few parts are there.
    """

    title: str
    root: Path
    prepared: tuple[str, ...]
    missing: tuple[str, ...]
    overrides: tuple[str, ...] | None


@checked
def data_prepare(
    download: Annotated[Any, Meta(description="a data set: its name, or its archives", examples=["voc"])] = None,
    root: Path | None = None,
    parts: list[str | int] | str | int | None = None,
    archives: Path | None = None,
    attempts: Count = 6,
    timeout: Seconds = 30.0,
) -> DataPreparation:
    """Downloads a public data set, checks it and unpacks it; prints a line for each step, since it can take hours.

    A download that was cut off continues on the next call. Nothing is unpacked that has not the right size and hash,
    and no file that is there already is overwritten.

    Args:
        download: `voc` or `coco`; or overrides, `["download=voc", "download.archives.test2007.url=…"]`; or a node of a
            composed configuration; or a `Download`.
        root: Folder of the data; None is `data/VOCdevkit` or `data/coco`, where training looks for it.
        parts: Names of the parts, such as `["trainval2007"]`; None is all.
        archives: Folder that keeps the archives and from which those that are there are taken; None keeps none.
        attempts: Attempts in a row that bring nothing new before a download is given up.
        timeout: Seconds without a byte that count as a cut connection.

    Raises:
        ValueError: A setting does not fit, what came is not what was expected, a disk is too small, or the server is
            out of reach.

    `data_prepare("voc", root="VOCdevkit", parts=["trainval2007"]).missing` names the other parts: `test2007` and
    `trainval2012`.
    """
    if not download:
        raise ValueError("Expected what to prepare but got nothing: lssd data prepare voc, or coco.")
    public = _download(download)
    root = Path(public.root) if root is None else root
    print(f"{public.title} → {root}" + (f"   (terms of use: {public.terms})" if public.terms else ""))
    done = public.prepare(root, _names(parts), archives, attempts, timeout)
    use = public.use(root)
    missing = tuple(part for part in public.archives if not public.is_there(root, part))
    overrides = None if use is None else (*use.split(), f"data.root={_plain(root)}")
    return DataPreparation(public.title, root, tuple(done), missing, overrides)


def _download(download: Any) -> Download:
    if isinstance(download, Download):
        return download
    return build(download if isinstance(download, Mapping) else composed("download", download, "data_prepare"))


def _names(parts: list[str | int] | str | int | None) -> list[str] | None:
    """`parts=a` and `parts=[a,b]` alike; a year alone arrives as a number."""
    if parts is None:
        return None
    return [str(part) for part in parts] if isinstance(parts, list) else [str(parts)]


def _plain(path: Path) -> str:
    """A path as an override has it, quoted for Hydra only where it must be."""
    text = str(path)
    return text if text.replace("/", "").replace("_", "").replace(".", "").replace("-", "").isalnum() else quoted(text)
