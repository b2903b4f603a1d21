"""The card of an exported detector: all that a user of the file has to know, in its metadata and in a JSON beside it.

A file from somebody else says what it likes, so a card is read by type, with bounds, and its texts are only text: class
names that a configuration would replace are refused, and no path is in it.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from lightweight_ssd.ops.thresholds import Thresholds
from lightweight_ssd.runtimes.onnx_file import read_onnx
from lightweight_ssd.system.json_file import finite, write_json
from lightweight_ssd.system.plain_text import has_reference

__all__ = ["METADATA_KEY", "Card", "Parity", "card_file", "card_text", "read_card", "write_card"]

METADATA_KEY: Final = "lightweight_ssd"
"""Key of the card among the metadata of an ONNX file."""

_LARGEST_CARD = 50_000_000  # bytes; with anchors it takes about one million

_Count = Annotated[int, Meta(ge=1, le=1 << 31)]
_Side = Annotated[int, Meta(ge=1, le=1 << 14)]
_Difference = Annotated[float, Meta(ge=0)]
_Text = Annotated[str, Meta(max_length=1000)]
_PerChannel = tuple[float, float, float]
_Box = tuple[float, float, float, float]


class Parity(Struct, frozen=True, kw_only=True):
    """How far the file's outputs were from PyTorch's.

    Attributes:
        images: Images that were compared.
        box_difference: Largest difference of a box's side, pixels of the network's input.
        score_difference: Largest difference of a score.
        batches: Sizes of the batches that were compared.
    """

    images: _Count
    box_difference: _Difference
    score_difference: _Difference
    batches: Annotated[list[_Count], Meta(max_length=100)]


class Card(Struct, frozen=True, kw_only=True):
    """What a file with an exported detector holds, and how it is to be used.

    Attributes:
        format: Name of the format, such as `onnx`.
        precision: Of the weights and the arithmetic.
        outputs: What the graph gives, in this order. `boxes`: boxes (B, A, 4), xyxy in pixels of the network's input,
            and scores (B, A, C), 0 to 1. `raw`: logits (B, A, C) and offsets (B, A, 4), to be decoded with `anchors`
            and `variances`. `nms`: rows (image, class, anchor) of what stays after the suppression, then boxes and
            scores as above.
        class_names: In the order of the labels, from 0.
        category_ids: Of each class, as in the annotation files of the data that the detector was trained on.
        image_size: (height, width) of the network's input, pixels. Images are stretched to it, see `ops/resize`.
        mean: Of each channel, 0 to 255; for information: the graph subtracts it.
        std: Of each channel; for information: the graph divides by it.
        input: Type of the input: RGB, 0 to 255, batch × 3 × height × width.
        batch: Images of a batch; None = any number.
        thresholds: Of the detector's post-processing. Of the output `nms` they are in the graph, and a lower score
            threshold finds nothing more.
        variances: Of the box coding, where it is SSD's; None = another one, and the graph decodes.
        anchors: xyxy, pixels of the network's input; where the outputs are raw.
        checkpoint: Name of its file, without a folder.
        run: Name of the run that trained it.
        commit: Of the code that exported it.
        content_hash: Hash of what the run computes.
        created: When it was exported: ISO 8601, UTC.
        versions: Of the packages that exported it.
        parity: With PyTorch, as measured at the export; None = it was not.
    """

    format: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,40}\Z")]
    precision: Literal["fp32", "fp16", "int8"]
    outputs: Literal["boxes", "raw", "nms"]
    class_names: Annotated[list[Annotated[str, Meta(max_length=1000)]], Meta(min_length=1, max_length=100_000)]
    category_ids: Annotated[list[Annotated[int, Meta(ge=-(2**53), le=2**53)]], Meta(max_length=100_000)]
    image_size: tuple[_Side, _Side]
    mean: _PerChannel
    std: _PerChannel
    input: Literal["uint8", "float32"]
    batch: Annotated[int, Meta(ge=1, le=4096)] | None
    thresholds: Thresholds
    variances: _Box | None
    anchors: Annotated[list[_Box], Meta(max_length=2_000_000)] | None = None
    checkpoint: _Text | None = None
    run: _Text | None = None
    commit: _Text | None = None
    content_hash: _Text | None = None
    created: _Text | None = None
    versions: Annotated[dict[_Text, _Text], Meta(max_length=1000)] = {}
    parity: Parity | None = None

    def __post_init__(self) -> None:
        if len(self.category_ids) != len(self.class_names):
            raise ValueError(f"Expected {len(self.class_names)} category ids but got {len(self.category_ids)}")
        if any(has_reference(name) for name in self.class_names):
            raise ValueError("Expected class names as text but got one with ${, which a configuration would replace")
        if self.outputs == "raw" and not self.anchors:
            raise ValueError("Expected anchors for raw outputs but got none")
        if self.outputs == "raw" and self.variances is None:
            raise ValueError("Expected variances for raw outputs but got none")
        if self.checkpoint and {"/", "\\"} & set(self.checkpoint):
            raise ValueError("Expected the checkpoint as the name of a file but got a path")


def card_file(file: Path) -> Path:
    """Where the card of an exported file lies: beside it, under its whole name.

    Example:
        >>> card_file(Path("out/detector.onnx")).name
        'detector.onnx.json'
    """
    return file.with_name(f"{file.name}.json")


def card_text(card: Card) -> str:
    """A card as one line of JSON, for the metadata of a file under `METADATA_KEY`."""
    return json.dumps(finite(msgspec.to_builtins(card)), allow_nan=False)


def write_card(card: Card, file: Path) -> Path:
    """Writes the card of an exported file beside it, complete or not at all.

    Returns:
        Where it lies.

    Raises:
        NotWritten: The disk is full or cannot be written.
    """
    place = card_file(file)
    write_json(place, msgspec.to_builtins(card))
    return place


def read_card(file: Path) -> Card:
    """Reads the card of an exported file: from beside it, or from the metadata of an ONNX file that lies alone.

    Raises:
        FileNotFoundError: There is no such file, or no card.
        ValueError: The card is damaged, or of something else.
    """
    if not file.is_file():
        raise FileNotFoundError(f"Expected an exported detector at {file} but there is no such file.")
    place = card_file(file)
    if place.exists():
        return _parsed(_content(place), place)
    if file.suffix.lower() == ".onnx":
        text = read_onnx(file).metadata.get(METADATA_KEY)
        if text is not None:
            return _parsed(text, file)
    raise FileNotFoundError(
        f"Expected {place.name} beside {file}, which says what its outputs mean, but it is not there; copy both files "
        "from where `lssd export` wrote them."
    )


def _content(place: Path) -> bytes:
    if not place.is_file() or place.stat().st_size > _LARGEST_CARD:
        raise ValueError(f"Expected the card of an exported detector at {place} but it is no file of a usual size.")
    return place.read_bytes()


def _parsed(text: bytes, place: Path) -> Card:
    try:
        return msgspec.json.decode(text, type=Card)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason: Any = str(error) or type(error).__name__
        raise ValueError(
            f"Expected the card of a detector that `lssd export` wrote in {place} but got something else ({reason}); "
            "export it again."
        ) from error
