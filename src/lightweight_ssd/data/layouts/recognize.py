"""The layout of a folder: the one that fits, or the one that the user names."""

from collections.abc import Sequence
from pathlib import Path

from lightweight_ssd.data.layouts.coco import coco_layouts, damaged_json, instances_part
from lightweight_ssd.data.layouts.listing import ALL, Layout, Listing, Pairs, list_files
from lightweight_ssd.data.layouts.voc import voc_layouts
from lightweight_ssd.data.layouts.yolo import config_layout, damaged_config, find_names, yolo_layouts

__all__ = ["LAYOUTS", "named_layout", "recognize"]

LAYOUTS = ("voc_devkit", "voc_year", "voc_xml", "coco_json", "yolo_yaml", "yolo_darknet", "yolo_txt")
"""All names that `data.layout` takes, beside voc, coco and yolo for any of that format."""

_FAMILIES = {"voc": voc_layouts, "coco": coco_layouts, "yolo": yolo_layouts}
_WOULD_FIT = (
    "a VOC devkit, XML beside images or in a folder of its own, COCO's JSON, Ultralytics' data.yaml, or YOLO's text "
    "files"
)


def recognize(root: Path, layout: str | None = None) -> Layout:
    """What kind of data set a folder holds; of a folder with nothing but one data set in a folder of it, that one.

    Args:
        root: The folder.
        layout: One of `LAYOUTS`, or voc, coco or yolo; None takes what fits.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: Nothing fits, several layouts do, or a file that tells a layout is wrong.
    """
    if layout is not None and layout not in (*LAYOUTS, *_FAMILIES):
        known = ", ".join((*_FAMILIES, *LAYOUTS))
        raise ValueError(f"Expected data.layout to be null or one of {known}, but got {layout!r}.")
    if not root.is_dir():
        raise FileNotFoundError(
            f"Expected a folder of images and annotations at {root.absolute()}, but there is none: give root=FOLDER."
        )
    listing = list_files(root)
    found = _fitting(listing, layout) or _inside(listing, layout)
    if not found and (damaged := _damaged(listing, layout)):
        raise damaged
    if not found:
        wanted = "annotations that are known" if layout is None else f"what data.layout={layout} stands for"
        raise ValueError(
            f"Expected {wanted} in {listing.root}, but it has {listing.counts()}, and no two of them go together: what "
            f"would fit is {_WOULD_FIT}; or name them, data.images=FOLDER data.annotations=FOLDER or FILE."
        )
    return _one_of(found, listing)


def named_layout(root: Path, images: str | Path | None, annotations: str | Path | None) -> Layout:
    """The layout of what the user names, of which nothing is to be recognized.

    Args:
        root: Folder that the paths start from.
        images: Folder of images; None = that of the annotations, or what their file says.
        annotations: A COCO file; a data.yaml or obj.data; or a folder of XML or of YOLO's text files. None = that of
            the images.

    Raises:
        FileNotFoundError: One of them is not there.
        ValueError: The annotations are of no known kind.
    """
    root = root.absolute()
    place = root / (annotations if annotations is not None else images or "")
    folder = None if images is None else root / images
    for path in filter(None, (place, folder)):
        if not path.exists():
            raise FileNotFoundError(
                f"Expected {path} for data.images and data.annotations, but it is not there: correct them."
            )
    if place.is_file():
        return _of_file(root, place, folder)
    for suffix, name in ((".xml", "voc_xml"), (".txt", "yolo_txt")):
        if next(place.rglob(f"*{suffix}"), None) is not None:
            part = Pairs(folder or place, place, nested=True)
            text = f"{suffix} in {place}, images in {part.images}, as named"
            names = find_names(root, [place]) if name == "yolo_txt" else None
            return Layout(name, text, {ALL: (part,)}, names, root)
    raise ValueError(
        f"Expected .xml or .txt files in {place} for data.annotations, but there are none: name a COCO file, a "
        "data.yaml or a folder of annotations."
    )


def _of_file(root: Path, file: Path, images: Path | None) -> Layout:
    if file.suffix.lower() in (".yaml", ".yml", ".data"):
        if images is not None:
            raise ValueError(
                f"Expected data.images=null with {file.name}, which says where the images are: leave it out."
            )
        return config_layout(file)
    part = instances_part(list_files(images or root), file)
    part = part if images is None else part._replace(images=images)
    text = f"COCO's JSON {file.name}, images from {part.images}, as named"
    return Layout("coco_json", text, {ALL: (part,)}, None, root)


def _fitting(listing: Listing, layout: str | None) -> list[Layout]:
    wanted = [_FAMILIES[layout.partition("_")[0]]] if layout else list(_FAMILIES.values())
    found = [one for family in wanted for one in family(listing)]
    return [one for one in found if layout in (None, one.name, one.format)]


def _damaged(listing: Listing, layout: str | None) -> Exception | None:
    """What is wrong with a file that would have told the layout."""
    family = (layout or "").partition("_")[0]
    found = damaged_json(listing) if family in ("", "coco") else None
    return found or (damaged_config(listing, any_name=True) if family in ("", "yolo") else None)


def _inside(listing: Listing, layout: str | None) -> list[Layout]:
    """Of the folders in the root; where several have a data set, the user has to say which."""
    found = {folder: _fitting(listing.below(folder), layout) for folder in listing.folders()}
    found = {folder: fitting for folder, fitting in found.items() if fitting}
    if len(found) > 1:
        raise ValueError(
            f"Expected one data set in {listing.root}, but got one in each of {', '.join(found)}: give "
            f"data.root={listing.root / next(iter(found))} or another of them."
        )
    return next(iter(found.values()), [])


def _one_of(found: Sequence[Layout], listing: Listing) -> Layout:
    if len(found) > 1:
        names = "; ".join(f"{one.name} ({one.text})" for one in found)
        choices = " or ".join(f"data.layout={one.name}" for one in found)
        raise ValueError(
            f"Expected one kind of annotations in {listing.root}, but several fit: {names}: choose {choices}."
        )
    return found[0]
