"""Images in the forms in which people have them, as the arrays that the detector's input is made from."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from lightweight_ssd.data.images.reader import read_image

__all__ = ["ImageLike", "Pixels", "read"]

if TYPE_CHECKING:
    from torch import Tensor

    ImageLike: TypeAlias = str | os.PathLike[str] | np.ndarray | Image.Image | Tensor
else:
    ImageLike = Any

_FORMS = "a path, an array of height × width × 3, a PIL image or a tensor"


class Pixels(NamedTuple):
    """An image in memory.

    Attributes:
        array: RGB, 0 to 255.
        path: File from which it was read, and can be again; None for what was in memory already.
    """

    array: UInt8[np.ndarray, "H W 3"]
    path: Path | None = None


def read(image: Any) -> Pixels:
    """An image as RGB of 8 bits, upright; gray is repeated, alpha dropped, 16 bits of a file or PIL image scaled.

    Args:
        image: A file's path, an array of bytes (height × width, × 1, × 3 in RGB, or × 4), a PIL image of any mode but
            `F`, or a tensor of bytes, channels first or last.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no image, damaged, empty, not of bytes, or of a shape that could be read in two ways.

    Example:
        >>> read(np.zeros((4, 6), np.uint8)).array.shape
        (4, 6, 3)
    """
    if isinstance(image, str | os.PathLike):
        return Pixels(read_image(os.fspath(image), upright=True), Path(image))
    if isinstance(image, Image.Image):
        return Pixels(_of_pil(image))
    if _is_tensor(image):
        return Pixels(_of_array(_channels_last(image), "a tensor"))
    if isinstance(image, np.ndarray):
        return Pixels(_of_array(image, "an array"))
    raise ValueError(f"Expected an image as {_FORMS} but got {type(image).__name__}; give one of them, or a list.")


def _of_pil(image: Image.Image) -> UInt8[np.ndarray, "H W 3"]:
    """As the project's reader has a file: upright, without alpha, the upper 8 of 16 bits."""
    try:
        image = ImageOps.exif_transpose(image)
        array = np.asarray(image) if image.mode.startswith(("I", "F")) else np.asarray(image.convert("RGB"))
    except OSError as error:  # PIL reads a file when the pixels are first needed
        raise ValueError(
            f"Expected a whole PIL image but its file cannot be read ({error}); give another one."
        ) from error
    if image.mode == "F":
        raise ValueError("Expected a PIL image of integers but got one of the mode F; convert it to L or RGB first.")
    if array.dtype != np.uint8:
        array = (np.clip(array, 0, 0xFFFF) >> 8).astype(np.uint8)
    return _of_array(array, "a PIL image")


def _is_tensor(image: Any) -> bool:
    """Whether it is one of PyTorch's, which need not be loaded: who has a tensor has loaded it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(image, torch.Tensor)


def _channels_last(tensor: "Tensor") -> np.ndarray:
    """A tensor of bytes as height × width × channels, if its shape can be read in one way only."""
    first, last = (tensor.ndim == 3 and tensor.shape[axis] in (1, 3, 4) for axis in (0, 2))
    if first and last:
        raise ValueError(
            f"Expected a tensor whose channels are first or last but got the shape {tuple(tensor.shape)}, which could "
            "be either; give an array of height × width × 3."
        )
    return (tensor.permute(1, 2, 0) if first else tensor).detach().cpu().numpy()


def _of_array(array: np.ndarray, kind: str) -> UInt8[np.ndarray, "H W 3"]:
    """RGB in memory of its own kind: contiguous, three channels."""
    if array.dtype != np.uint8:
        advice = " (np.clip(image, 0, 1) * 255).round().astype(np.uint8)" if array.dtype.kind == "f" else ""
        raise ValueError(
            f"Expected {kind} of 8-bit integers from 0 to 255 but got {array.dtype}; convert it"
            + (f", where it holds 0 to 1 by{advice}." if advice else " to np.uint8.")
        )
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ValueError(
            f"Expected {kind} of height × width × 3 (RGB) but got the shape {array.shape}; {_reshaped(array)}."
        )
    return np.ascontiguousarray(np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3])


def _reshaped(array: np.ndarray) -> str:
    if array.ndim == 4:
        return "give several images as a list, list(images)"
    if array.ndim == 3 and array.shape[0] in (1, 3, 4):
        return "move the channels to the end, image.transpose(1, 2, 0)"
    return "give one image"
