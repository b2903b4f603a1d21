"""Images without a split of their own, divided into train, val and test by a hash of their names.

An image's share depends on its name alone, so it stays where it is when others are added or removed, and is the same on
every machine. Images of one group, such as the frames of one video, stay together.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from lightweight_ssd.types import Split

__all__ = ["DEFAULT_SPLIT", "ImageSplit"]

DEFAULT_SPLIT = {"val": 0.2, "test": 0}
_KEYS = {"val", "test", "groups"}


class ImageSplit(NamedTuple):
    """Which images are for train, val and test.

    Attributes:
        val: Share of the images to validate on, above 0.
        test: Share to report on, at least 0; with 0 the test images are those of val.
        groups: Regular expression that is searched in an image's name without suffix. Images stay together whose first
            group is the same, or whose whole match is where it has no groups. An image without a match is a group of
            its own. None makes every image one.
    """

    val: float = 0.2
    test: float = 0.0
    groups: str | None = None

    @classmethod
    def of(cls, setting: Any) -> "ImageSplit | None":
        """From the setting `data.split`; None where it is null.

        Raises:
            ValueError: It has another key, a share is no number between 0 and 1, nothing is left to train on, or the
                pattern is no regular expression.

        Example:
            >>> ImageSplit.of({"val": 0.2, "test": 0.1})
            ImageSplit(val=0.2, test=0.1, groups=None)
        """
        if setting is None:
            return None
        if not isinstance(setting, Mapping) or not set(setting) <= _KEYS:
            raise ValueError(f"Expected data.split as {{val: 0.2, test: 0, groups: null}}, but got {setting!r}.")
        val, test = setting.get("val", DEFAULT_SPLIT["val"]), setting.get("test", DEFAULT_SPLIT["test"])
        numbers = all(isinstance(share, int | float) and not isinstance(share, bool) for share in (val, test))
        if not numbers or not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
            raise ValueError(
                f"Expected data.split with val above 0, test of at least 0 and images left to train on, but got val: "
                f"{val!r}, test: {test!r}: {{val: 0.2, test: 0.1}} trains on 70 %."
            )
        groups = setting.get("groups")
        try:
            re.compile(groups or "")
        except (re.error, TypeError) as error:
            raise ValueError(
                f"Expected data.split.groups as a regular expression, such as '^(.*)_', but got {groups!r} ({error})."
            ) from error
        return cls(float(val), float(test), groups)

    def split_of(self, path: str) -> Split:
        """Of one image.

        Args:
            path: Of the image; only its name without suffix counts.
        """
        share = _position(self.group(Path(path).stem))
        if share < self.val:
            return "val"
        return "test" if share >= 1 - self.test else "train"

    def has(self, path: str, split: str) -> bool:
        """Whether an image is in a split; without a share for test, its images are those of val."""
        return self.split_of(path) == ("val" if split == "test" and not self.test else split)

    def group(self, name: str) -> str:
        """What an image stays together with.

        Example:
            >>> ImageSplit(groups="^(.*)_").group("street_0012")
            'street'
        """
        match = re.search(self.groups, name) if self.groups else None
        if match is None:
            return name
        return (match[1] if match.re.groups else match[0]) or name

    def setting(self) -> str:
        """As the command line takes it.

        Example:
            >>> ImageSplit(0.2, 0.1, "^(.*)_").setting()
            '{val: 0.2, test: 0.1, groups: "^(.*)_"}'
        """
        quoted = "" if self.groups is None else f", groups: {json.dumps(self.groups, ensure_ascii=False)}"
        return f"{{val: {self.val:g}, test: {self.test:g}{quoted}}}"

    def rows(self, paths: Sequence[str], split: Split) -> Int64[np.ndarray, " N"]:
        """Places of a split's images among all.

        Raises:
            ValueError: There are none, or no image has a name that `groups` fits.
        """
        if self.groups is not None and not any(re.search(self.groups, Path(path).stem) for path in paths):
            raise ValueError(
                f"Expected data.split.groups to fit the names of some images, but {self.groups!r} fits none of "
                f"{len(paths)}, such as {Path(next(iter(paths), '')).stem!r}: correct the pattern, or leave it out."
            )
        wanted = "val" if split == "test" and not self.test else split
        rows = np.array([row for row, path in enumerate(paths) if self.has(path, split)], dtype=np.int64)
        if not len(rows):
            raise ValueError(
                f"Expected images for {wanted} with data.split={self.setting()}, but none of "
                f"{len(paths)} images is left for it: give larger shares"
                f"{', or a pattern of smaller groups' if self.groups else ''}."
            )
        return rows


def _position(name: str) -> float:
    """From 0 to below 1; the same as `data.val_share` uses."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
