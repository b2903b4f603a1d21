import pickle

import albumentations as A
import cv2
import numpy as np
import pytest

from lightweight_ssd.augment.color import ColorDistortion
from lightweight_ssd.augment.crop import SSDCrop
from lightweight_ssd.augment.flip import HorizontalFlip
from lightweight_ssd.augment.gray import Gray
from lightweight_ssd.augment.gray_mix_rgb import GrayMixRGB
from lightweight_ssd.augment.mosaic import Mosaic
from lightweight_ssd.augment.pipeline import FixedResize, Pipeline
from lightweight_ssd.ops.planes import is_planar
from lightweight_ssd.types import Annotation

NO_BOXES = np.zeros((0, 4), np.float32)
NO_LABELS = np.zeros(0, np.int64)


def steps(*names: str) -> dict[str, object | None]:
    made = {
        "mosaic": Mosaic(p=0.7),
        "crop": SSDCrop(),
        "flip": HorizontalFlip(),
        "color": ColorDistortion(),
        "gray_mix_rgb": GrayMixRGB(),
    }
    return {name: made[name] for name in names}


RECIPES = {
    "none": (),
    "basic": ("crop", "flip", "color"),
    "gray_mix_rgb": ("crop", "flip", "color", "gray_mix_rgb"),
    "mosaic": ("mosaic", "crop", "flip", "color"),
    "gray_mix_rgb_mosaic": ("mosaic", "crop", "flip", "color", "gray_mix_rgb"),
}


def drawing(rng: np.random.Generator, count: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rectangles of one brightness per label on black, none over another; boxes touch the border now and then."""
    image = np.zeros((*size, 3), np.uint8)
    boxes, labels = [], rng.permutation(8)[:count].astype(np.int64)
    columns = np.linspace(0, size[1], count + 1).astype(int)
    for place, label in enumerate(labels):
        left, right = columns[place], columns[place + 1]
        top, bottom = sorted(rng.choice(size[0] + 1, 2, replace=False))
        image[top:bottom, left:right] = 40 + 25 * label
        boxes.append([left, top, right, bottom])
    return image, np.array(boxes, np.float32).reshape(-1, 4), labels


def draw_from(samples: list[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    def draw(index: int) -> tuple[np.ndarray, Annotation]:
        image, boxes, labels = samples[index]
        return image, Annotation.of_boxes(
            index, "drawn.png", *image.shape[:2], boxes, labels, np.zeros(len(boxes), bool)
        )

    return draw


def assert_sound(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, size: tuple[int, int]) -> None:
    assert image.shape == (*size, 3) and image.dtype == np.uint8
    assert image.flags.c_contiguous or is_planar(image)
    assert boxes.dtype == np.float32 and boxes.shape == (len(labels), 4) and labels.dtype == np.int64
    assert np.isfinite(boxes).all()
    assert (boxes >= 0).all() and (boxes[:, 2] <= size[1]).all() and (boxes[:, 3] <= size[0]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_images_without_boxes(recipe):
    empty = (np.zeros((30, 40, 3), np.uint8), NO_BOXES, NO_LABELS)
    pipeline = Pipeline(steps(*RECIPES[recipe]), 24)
    for seed in range(20):
        result = pipeline(*empty, np.random.default_rng(seed), draw=draw_from([empty]), count=1)
        assert_sound(*result, size=(24, 24))
        assert len(result[1]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_boxes_stay_valid_whatever_comes(recipe):
    rng = np.random.default_rng(1)
    pipeline = Pipeline(steps(*RECIPES[recipe]), [40, 56])
    for _ in range(150):
        size = tuple(int(side) for side in rng.integers(1, 130, 2))
        corners = rng.uniform(-3, 1.1 * max(size), (int(rng.integers(0, 6)), 2, 2)).astype(np.float32)
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        if len(boxes) > 2:
            boxes[0] = [0, 0, size[1] + 1e-3, size[0] + 1e-3]
            boxes[1, 2:] = boxes[1, :2]
        labels = rng.integers(0, 2**40, len(boxes))
        sample = (rng.integers(0, 256, (*size, 3), dtype=np.uint8), boxes, labels)
        result = pipeline(*sample, rng, draw=draw_from([sample]), count=1)
        assert_sound(*result, size=(40, 56))
        assert set(result[2]) <= set(labels), "labels return as they came"


@pytest.mark.parametrize("names", [(), ("crop",), ("flip",), ("crop", "flip"), ("mosaic",), ("mosaic", "crop", "flip")])
def test_the_pixel_in_the_middle_of_a_box_keeps_its_label(names):
    rng = np.random.default_rng(2)
    pipeline = Pipeline(steps(*names), 64)
    seen = 0
    for _ in range(100):
        samples = [
            drawing(rng, int(rng.integers(1, 5)), (int(rng.integers(24, 90)), int(rng.integers(24, 90))))
            for _ in range(4)
        ]
        image, boxes, labels = pipeline(*samples[0], rng, draw=draw_from(samples), count=4)
        assert_sound(image, boxes, labels, (64, 64))
        for box, label in zip(boxes, labels, strict=True):
            if (box[2:] - box[:2]).min() >= 4:  # a thinner one is mixed with its neighbors by the resize
                column, row = ((box[:2] + box[2:]) / 2).astype(int)
                assert abs(int(image[row, column, 0]) - (40 + 25 * label)) <= 12
                seen += 1
    assert seen > 100


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_sample_is_a_function_of_its_generator(recipe):
    rng = np.random.default_rng(3)
    samples = [drawing(rng, 3, (60, 80)) for _ in range(3)]
    pipeline, other = (Pipeline(steps(*RECIPES[recipe]), 32) for _ in range(2))
    np.random.seed(0)  # noqa: NPY002  # the global generator must play no part
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first = [pipeline(*samples[0], np.random.default_rng(seed), draw=draw_from(samples), count=3) for seed in range(12)]
    again = [
        other(*samples[0], np.random.default_rng(seed), draw=draw_from(samples), count=3) for seed in range(12)[::-1]
    ]
    for one, two in zip(first, again[::-1], strict=True):
        assert all(np.array_equal(left, right) for left, right in zip(one, two, strict=True))
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert (len({result[0].tobytes() for result in first}) > 6) == (recipe != "none")


def test_evaluation_is_the_resize_alone():
    image, boxes, labels = drawing(np.random.default_rng(0), 4, (60, 80))
    out, moved, kept = Pipeline({}, (30, 20))(image, boxes, labels, np.random.default_rng(0))
    assert out.shape == (30, 20, 3)
    assert np.allclose(moved, boxes * [0.25, 0.5, 0.25, 0.5], atol=1e-5)
    assert np.array_equal(kept, labels)
    same, _, _ = Pipeline({}, (60, 80))(image, boxes, labels, np.random.default_rng(0))
    assert np.array_equal(same, image)


def test_strong_shrinking_averages_and_weak_shrinking_interpolates():
    stripes = np.zeros((80, 80, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(FixedResize(10, 10)(image=stripes)["image"]) == 0
    weak = FixedResize(60, 60)(image=stripes)["image"]
    assert np.array_equal(weak, cv2.resize(stripes, (60, 60), interpolation=cv2.INTER_LINEAR))


@pytest.mark.parametrize("size", [(599, 3000), (375, 1242), (200, 3000), (100, 3000), (300, 901)])
def test_a_wide_image_is_averaged_along_the_side_that_shrinks_much(size):
    """Lines of one pixel keep their share of the light, whether the other side shrinks a little, stays or grows."""
    for axis in (0, 1):
        lines = np.zeros((*size, 3), np.uint8)
        lines[:, ::10] = 255
        target = (300, 300)
        lines = lines if axis == 1 else lines.transpose(1, 0, 2).copy()
        resized = FixedResize(*target)(image=lines)["image"]
        assert resized.shape == (*target, 3)
        means = resized.mean(axis=(1 - axis, 2))
        assert abs(float(resized.mean()) - float(lines.mean())) < 1
        assert np.abs(means - lines.mean()).max() < 40 or size[1] < 1500, "no line is lost"


@pytest.mark.parametrize("size", [(600, 600), (3000, 3000), (600, 900), (375, 500), (480, 640), (427, 640), (80, 80)])
def test_where_both_sides_or_neither_shrink_much_one_filter_does_both(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    both = min(size) >= 600
    expected = cv2.resize(image, (300, 300), interpolation=cv2.INTER_AREA if both else cv2.INTER_LINEAR)
    assert np.array_equal(FixedResize(300, 300)(image=image)["image"], expected)


def test_the_resize_follows_the_crop_and_mosaic_is_outside():
    def order(pipeline: Pipeline) -> list[str]:
        return [type(stage).__name__ for stage in pipeline.stages]

    full = Pipeline(steps("crop", "flip", "mosaic", "color"), 16)
    assert order(full) == ["SSDCrop", "FixedResize", "HorizontalFlip", "ColorDistortion"]
    assert [type(step) for step in full.mixers] == [Mosaic], "Mosaic comes first wherever its key stands"
    assert order(Pipeline(steps("flip", "color"), 16))[0] == "FixedResize"
    assert order(Pipeline(steps("color", "crop"), 16, resize_after="color"))[1] == "FixedResize"


def test_a_null_step_is_off_and_a_foreign_transform_is_welcome():
    pipeline = Pipeline({"crop": None, "blur": A.Blur(p=1.0)}, 16)
    assert list(pipeline.steps) == ["blur"]
    image, boxes, labels = drawing(np.random.default_rng(0), 2, (20, 20))
    assert_sound(*pipeline(image, boxes, labels, np.random.default_rng(0)), size=(16, 16))


def test_foreign_transforms_keep_their_place_between_own_steps():
    seen = []

    class Noting(A.DualTransform):
        def apply(self, img: np.ndarray, **params: object) -> np.ndarray:
            seen.append((img.shape[:2], int(img[0, 0, 0])))
            return img

        def apply_to_bboxes(self, bboxes: np.ndarray, **params: object) -> np.ndarray:
            return bboxes

    image = np.zeros((20, 30, 3), np.uint8)
    image[:, 20:] = 200
    own = {"flip": HorizontalFlip(p=1.0), "back": HorizontalFlip(p=1.0)}
    named = {"first": Noting(p=1.0), "flip": own["flip"], "second": Noting(p=1.0), "back": own["back"]}
    named |= {"third": Noting(p=1.0), "fourth": Noting(p=1.0)}
    pipeline = Pipeline(named, (10, 10), resize_after="second")
    box, label = np.array([[3, 4, 15, 16]], np.float32), np.array([7])
    _, boxes, labels = pipeline(image, box, label, np.random.default_rng(0))
    assert seen == [((20, 30), 0), ((20, 30), 200), ((10, 10), 0), ((10, 10), 0)]
    assert np.allclose(boxes, [[1, 2, 5, 8]], atol=1e-4) and labels.tolist() == [7]
    assert len(pipeline.stages) == 6, "the last two share one call of Albumentations"


@pytest.mark.filterwarnings("ignore:Got processor for bboxes, but no transform")
@pytest.mark.parametrize("step", [SSDCrop(p=1.0), HorizontalFlip(p=1.0), GrayMixRGB(p=1.0), ColorDistortion(), Gray()])
def test_an_own_step_does_the_same_when_albumentations_calls_it(step):
    image, boxes, labels = drawing(np.random.default_rng(4), 3, (40, 50))
    image = cv2.GaussianBlur(image, (5, 5), 2)
    through = A.Compose([step], bbox_params=A.BboxParams("pascal_voc", clip=True, min_area=1.0))
    for seed in range(20):
        direct = step.apply_directly(image, boxes, labels, np.random.default_rng(seed))
        assert direct[1].dtype == np.float32 and len(direct[1]) == len(direct[2])
        step.random_generator = np.random.default_rng(seed)
        step.random_generator.random()  # Albumentations tosses the coin of `p` with another generator
        result = through(image=image, bboxes=np.column_stack([boxes, labels.astype(np.float32)]))
        clipped, kept = Pipeline({}, image.shape[:2]).validity(direct[1], direct[2], direct[0])
        assert np.array_equal(result["image"], direct[0])
        assert np.allclose(result["bboxes"][:, :4], clipped, atol=1e-3)
        assert result["bboxes"][:, 4].tolist() == kept.tolist()


def test_a_class_derived_from_an_own_step_runs_as_it_says():
    class Darker(GrayMixRGB):
        def apply(self, img: np.ndarray, **params: object) -> np.ndarray:
            return img // 2

    image = np.full((8, 8, 3), 100, np.uint8)
    assert (Pipeline({"darker": Darker(p=1.0)}, 8)(image, NO_BOXES, NO_LABELS, np.random.default_rng(0))[0] == 50).all()


def test_an_image_that_may_not_be_written_to_is_only_read():
    for recipe, names in RECIPES.items():
        rng = np.random.default_rng(5)
        image, boxes, labels = drawing(rng, 3, (60, 80))
        before = image.copy()
        for array in (image, boxes, labels):
            array.flags.writeable = False
        for seed in range(10):
            pipeline = Pipeline(steps(*names), 60)
            out, *_ = pipeline(
                image, boxes, labels, np.random.default_rng(seed), draw=draw_from([(image, boxes, labels)]), count=1
            )
            assert out.flags.writeable and not np.shares_memory(out, image), recipe
        assert np.array_equal(image, before)


def test_small_and_hardly_visible_boxes_are_left_out_after_a_step():
    image = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[0, 0, 50, 50], [0, 0, 2, 2], [30, 30, 99, 99]], np.float32)
    labels = np.arange(3)
    cut = A.Crop(0, 0, 50, 50, p=1.0)
    generator = np.random.default_rng(0)
    assert Pipeline({}, 50)(image, boxes, labels, generator)[2].tolist() == [0, 1, 2]
    assert Pipeline({}, 50, min_area=2.0)(image, boxes, labels, generator)[2].tolist() == [0, 2]
    assert Pipeline({"crop": cut}, 50)(image, boxes, labels, generator)[2].tolist() == [0, 1, 2]
    assert Pipeline({"crop": cut}, 50, min_visibility=0.5)(image, boxes, labels, generator)[2].tolist() == [0, 1]
    own = SSDCrop(min_overlaps=[0.0], area=(0.25, 0.25), aspect=(1.0, 1.0), min_visible=0.0, p=1.0)
    for seed in range(20):
        window, kept, names = own.apply_directly(image, boxes, labels, np.random.default_rng(seed))
        inside = np.clip(kept, 0, window.shape[0])
        share = (inside[:, 2:] - inside[:, :2]).prod(axis=1) / (kept[:, 2:] - kept[:, :2]).prod(axis=1)
        result = Pipeline({"crop": own}, 50, min_visibility=0.5)(image, boxes, labels, np.random.default_rng(seed))
        assert result[2].tolist() == names[share >= 0.5].tolist()


def test_a_step_after_the_resize_that_changes_the_size_is_refused():
    pipeline = Pipeline({"cut": A.CenterCrop(8, 8, p=1.0)}, 16)
    with pytest.raises(ValueError, match=r"\(16, 16\) .* got \(8, 8\): set augment\.resize_after"):
        pipeline(np.zeros((20, 20, 3), np.uint8), NO_BOXES, NO_LABELS, np.random.default_rng(0))


def test_pickled_for_a_spawned_worker_it_gives_the_same_bytes():
    sample = drawing(np.random.default_rng(0), 3, (50, 50))
    pipeline = Pipeline(steps(*RECIPES["gray_mix_rgb"]), 16)
    copy = pickle.loads(pickle.dumps(pipeline))
    for seed in range(5):
        one, two = (each(*sample, np.random.default_rng(seed)) for each in (pipeline, copy))
        assert all(np.array_equal(left, right) for left, right in zip(one, two, strict=True))


@pytest.mark.parametrize("size", [0, [300], [300, 0], [1, 2, 3]])
def test_a_wrong_size_is_refused(size):
    with pytest.raises(ValueError, match="image_size"):
        Pipeline({}, size)


def test_a_step_that_was_not_built_is_refused():
    with pytest.raises(ValueError, match=r"augment\.steps\.blur"):
        Pipeline({"blur": {"p": 0.5}}, 16)
