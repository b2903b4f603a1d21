"""Images for the export: training images that int8 learns its ranges from, and images on which parity is checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from lightweight_ssd.checkpoint.targets import check_targets
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.data.formats.image_files import images_below
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.data.synthetic.scene import draw_scene

__all__ = ["ExportImages"]

_DRAWN = ("circle", "star", "heart")
_DRAWS_ITSELF = "lightweight_ssd.data.shapes."

Resize = Callable[[UInt8[np.ndarray, "H W 3"]], UInt8[np.ndarray, "h w 3"]]


class ExportImages:
    """Images as the network gets them in evaluation: of a folder, of the checkpoint's data, or drawn.

    Args:
        resize: To the size of the network's input.
        folder: Whose images are used; None = those of the data.
        config: Of the checkpoint.
        data: Settings in place of the checkpoint's own, such as `{"root": "/data/VOCdevkit"}`.
        checkpoint: For sentences.
    """

    def __init__(
        self, resize: Resize, folder: Path | None, config: Mapping[str, Any], data: Mapping[str, Any], checkpoint: Path
    ) -> None:
        self._resize, self._folder, self._config, self._data = resize, folder, config, dict(data)
        self._checkpoint = checkpoint

    def for_calibration(self, count: int) -> list[UInt8[np.ndarray, "1 3 H W"]]:
        """So many images of the training split, spread over it, or of the folder.

        Raises:
            ValueError, FileNotFoundError: Neither is there.
        """
        paths = self._in_folder(self._folder) if self._folder else self._of_split("train")
        return [self._read(path)[None] for path in _spread(paths, count)]

    def for_parity(self, count: int) -> UInt8[np.ndarray, "N 3 H W"]:
        """So many images of the folder or the test split; drawn ones where the data is not here."""
        paths = self._in_folder(self._folder) if self._folder else self._of_data()
        images = [self._read(path) for path in _spread(paths, count)]
        images += [self._drawn(seed) for seed in range(count - len(images))]
        return np.stack(images)

    def _read(self, path: str) -> UInt8[np.ndarray, "3 H W"]:
        return np.ascontiguousarray(self._resize(read_image(path, upright=self._folder is not None)).transpose(2, 0, 1))

    def _drawn(self, seed: int) -> UInt8[np.ndarray, "3 H W"]:
        scene = draw_scene(np.random.default_rng(seed), (360, 480), _DRAWN)
        return np.ascontiguousarray(self._resize(scene.image).transpose(2, 0, 1))

    def _in_folder(self, folder: Path) -> list[str]:
        paths = [str(path) for path in images_below(folder)]
        if not paths:
            raise ValueError(f"Expected images in {folder} for images=… but there are none; give a folder with images.")
        return paths

    def _of_data(self) -> Sequence[str]:
        """Images of the test split; none where the data is not here, or would have to be drawn first."""
        node = self._data if "_target_" in self._data else self._config.get("data") or {}
        if str(node.get("_target_")).startswith(_DRAWS_ITSELF):
            return []
        try:
            return self._of_split("test")
        except (ValueError, OSError):
            return []

    @cache  # noqa: B019  (one object per export)
    def _of_split(self, split: str) -> Sequence[str]:
        node = dict(self._data)
        if "_target_" not in node:
            check_targets(self._config, "data", self._checkpoint)
            node = {**self._config["data"], "cache_dir": None, **node}
        annotations = build(node).annotations(split)
        return [annotations[index].path for index in range(len(annotations))]


def _spread(paths: Sequence[str], count: int) -> Iterator[str]:
    """So many of them at even distances, from the first on; all where there are fewer."""
    count = min(count, len(paths))
    return (paths[index * len(paths) // count] for index in range(count))
