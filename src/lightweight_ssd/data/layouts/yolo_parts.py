"""The images and labels of a YOLO layout."""

from contextlib import suppress
from functools import cached_property
from pathlib import Path

from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.formats.unpaired import describe_unpaired
from lightweight_ssd.data.formats.yolo_config import read_config, read_names
from lightweight_ssd.data.formats.yolo_images import LabeledImage, find_images, with_labels, with_labels_of
from lightweight_ssd.data.formats.yolo_split import YOLORules, read_labels
from lightweight_ssd.data.layouts.listing import ALL, Layout, Pairs
from lightweight_ssd.data.layouts.reading import Reading
from lightweight_ssd.data.layouts.unpaired import labels_without_image

__all__ = ["YOLOParts"]


class YOLOParts:
    """Reads the parts of a layout of YOLO's format; nothing is read before it is asked for.

    Args:
        layout: What was recognized.
        reading: How to read it; its class names take the place of those of the files.
    """

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self.layout, self.reading = layout, reading
        self._entries: dict[str, list[LabeledImage]] = {}

    @cached_property
    def rules(self) -> YOLORules:
        """The class names and how boxes are checked.

        Raises:
            ValueError: There are no names, or their file is wrong.
        """
        names, keypoints = self.reading.class_names, 0
        file = self.layout.names
        if file is not None and self.layout.name in ("yolo_yaml", "yolo_darknet"):
            config = read_config(file)
            names, keypoints = names or config.class_names, config.keypoints
        elif file is not None and names is None:
            names = read_names(file)
        if names is None:
            raise ValueError(
                f"Expected the names of the classes in {self.layout.home / 'classes.txt'}, one a line, but there is no "
                "such file: write it, or give data.class_names=[cat,dog]."
            )
        return YOLORules(tuple(names), float(self.reading.box_tolerance), keypoints)

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class number."""
        return self.rules.class_names

    @property
    def category_ids(self) -> tuple[int, ...]:
        """The class numbers."""
        return tuple(range(len(self.class_names)))

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What was decided in reading data.yaml, and which labels are left out."""
        file = self.layout.names
        decided = read_config(file).notes if file and self.layout.name in ("yolo_yaml", "yolo_darknet") else ()
        return tuple(filter(None, [*decided, describe_unpaired(self.unpaired)]))

    @cached_property
    def unpaired(self) -> dict[Path, str]:
        """Label files without an image, with the key that they would be in."""
        used = set[Path | None]()
        for key in self.layout.splits:
            with suppress(FileNotFoundError, ValueError):  # said by whoever reads the split
                used.update(entry.label for entry in self.entries(key))
        return labels_without_image(self.layout, used)

    def entries(self, key: str) -> list[LabeledImage]:
        """The images of a split with their label files.

        Raises:
            FileNotFoundError, ValueError: As `find_images`.
        """
        if key not in self._entries:
            parts = self.layout.splits[key]
            listed = [part.images for part in parts if isinstance(part, Pairs) and part.annotations is None]
            found = with_labels(find_images(listed)) if listed else []
            for part in parts:
                if isinstance(part, Pairs) and part.annotations is not None:
                    found += with_labels_of(part.images, part.annotations, part.nested)
            self._entries[key] = found
        return self._entries[key]

    def read(self, key: str) -> PackedAnnotations:
        """The annotations of a split.

        Raises:
            FileNotFoundError, ValueError: As `entries` and `read_labels`.
        """
        how = self.reading
        title = "labels" if key == ALL else key
        return read_labels(self.entries(key), self.rules, title, how.cache_dir, how.num_threads, how.on_bad)
