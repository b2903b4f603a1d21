"""Boxes through every augment option: always inside, never NaN, and each label still on what it named."""

from collections.abc import Callable

import albumentations as A
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st

from lightweight_ssd.augment.crop import SSDCrop
from lightweight_ssd.augment.flip import HorizontalFlip
from lightweight_ssd.augment.mosaic import Mosaic
from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.config.instantiate import build
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.ops.planes import is_planar
from lightweight_ssd.types import Annotation

pytestmark = pytest.mark.slow

SIZE = (24, 40)
OPTIONS = sorted(path.stem for path in (CONF_DIR / "augment").glob("*.yaml"))
FOREIGN = {
    "alone": {"affine": A.Affine(scale=(0.5, 1.5), rotate=(-30, 30), shear=(-10, 10), p=1.0)},
    "between own steps": {
        "flip": HorizontalFlip(),
        "turn": A.RandomRotate90(p=0.5),
        "crop": SSDCrop(),
        "perspective": A.Perspective(p=0.5),
        "noise": A.GaussNoise(p=0.5),
    },
    "around an own step": {"crop": A.OneOf([SSDCrop(p=1.0), A.RandomSizedBBoxSafeCrop(30, 30)], p=0.8)},
}
# Infinite boxes overflow on their way out; no reader lets them in.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

Samples = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
anything = st.one_of(
    st.floats(-20, 120, width=32),
    st.floats(width=32),  # among them NaN, infinities, and differences that float32 boxes cannot represent
    st.sampled_from([0.0, -0.0, 1e-3, 1.0, 23.999, 24.0, 40.0, 60.0]),
)


@st.composite
def samples(draw: Callable, coordinates: st.SearchStrategy[float] = anything) -> Samples:
    """One to three images whose pixels encode (column, row, 50 × number of the image), with any boxes whatsoever."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
        rows, columns = np.mgrid[:height, :width]
        image = np.dstack([columns, rows, np.full_like(rows, 50 * number)]).astype(np.uint8)
        drawn = draw(st.lists(st.tuples(*[coordinates] * 4), max_size=6))
        boxes = np.array(drawn, np.float32).reshape(-1, 4)
        made.append((image, boxes, 100 * number + np.arange(len(boxes))))
    return made


def run(pipeline: Pipeline, made: Samples, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    def draw(index: int) -> tuple[np.ndarray, Annotation]:
        image, boxes, labels = made[index]
        return image, Annotation.of_boxes(index, "drawn", *image.shape[:2], boxes, labels)

    return pipeline(*made[0], np.random.default_rng(seed), draw=draw, count=len(made))


def assert_sound(pipeline: Pipeline, made: Samples, seed: int) -> None:
    image, boxes, labels = run(pipeline, made, seed)
    height, width = SIZE
    assert image.shape == (*SIZE, 3) and image.dtype == np.uint8
    assert image.flags.c_contiguous or is_planar(image)
    assert boxes.dtype == np.float32 and boxes.shape == (len(labels), 4) and labels.dtype == np.int64
    assert np.isfinite(boxes).all()
    assert (boxes >= 0).all() and (boxes[:, [0, 2]] <= width).all() and (boxes[:, [1, 3]] <= height).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes[:, 2:] - boxes[:, :2]).astype(float).prod(axis=1).min(initial=1.0) >= 1.0 - 1e-5
    assert set(labels.tolist()) <= {label for _, _, named in made for label in named.tolist()}


def option(name: str) -> Pipeline:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return build(compose("train", [f"augment={name}", f"image_size=[{SIZE[0]},{SIZE[1]}]"]).augment)


@pytest.mark.parametrize("name", OPTIONS)
def test_boxes_through_every_option(name: str) -> None:
    pipeline = option(name)

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(samples(), st.integers(0, 2**32))
    def fuzz(made: Samples, seed: int) -> None:
        assert_sound(pipeline, made, seed)

    fuzz()


@pytest.mark.parametrize("name", FOREIGN)
def test_boxes_through_foreign_transforms(name: str) -> None:
    pipeline = Pipeline(FOREIGN[name], SIZE)

    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @given(samples(), st.integers(0, 2**32))
    def fuzz(made: Samples, seed: int) -> None:
        assert_sound(pipeline, made, seed)

    fuzz()


@pytest.mark.parametrize("mosaic", [None, Mosaic(p=1.0, min_visible_area=0.1)], ids=["without mosaic", "mosaic"])
@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(samples(st.integers(0, 60).map(float)), st.integers(0, 2**32))
def test_a_box_still_shows_what_its_label_named(mosaic: Mosaic | None, made: Samples, seed: int) -> None:
    """The pixel in the middle of a box encodes its origin: inside the box of that image that has this label."""
    pipeline = Pipeline({"mosaic": mosaic, "crop": SSDCrop(), "flip": HorizontalFlip()}, SIZE)
    image, boxes, labels = run(pipeline, made, seed)
    for box, label in zip(boxes, labels.tolist(), strict=True):
        if (box[2:] - box[:2]).min() < 6:  # a thinner one may lie where two tiles are blended
            continue
        column, row = ((box[:2] + box[2:]) / 2).astype(int)
        came_from = image[row, column].astype(float)
        number, index = divmod(label, 100)
        left, top, right, bottom = made[number][1][index]
        assert abs(came_from[2] - 50 * number) <= 1
        slack = 1 + 30 / (box[2:] - box[:2])  # the middle is a whole pixel, and one of them may be many in the original
        assert left - slack[0] <= came_from[0] + 0.5 <= right + slack[0]
        assert top - slack[1] <= came_from[1] + 0.5 <= bottom + slack[1]
