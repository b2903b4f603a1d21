import weakref
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lightweight_ssd.augment.color import ColorDistortion
from lightweight_ssd.augment.crop import SSDCrop
from lightweight_ssd.augment.flip import HorizontalFlip
from lightweight_ssd.augment.gray_mix_rgb import GrayMixRGB
from lightweight_ssd.augment.mosaic import Mosaic
from lightweight_ssd.augment.pipeline import Pipeline
from lightweight_ssd.data.dataset import DetectionDataset, Sample, collate, worker_init
from lightweight_ssd.data.formats.packed import PackedAnnotations
from lightweight_ssd.data.images.cache_builder import open_image_cache
from lightweight_ssd.data.images.reader import read_image
from lightweight_ssd.data.loader import sample_loader
from lightweight_ssd.data.sampler import EpochSampler
from lightweight_ssd.types import Annotation, SampleKey


def write_image(folder: Path, number: int, objects: int, size: tuple[int, int] = (40, 60)) -> Annotation:
    rng = np.random.default_rng(number)
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    corner = rng.uniform(0, 20, (objects, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(10, 20, (objects, 2))], axis=1).astype(np.float32)
    labels = rng.integers(0, 3, objects)
    return Annotation.of_boxes(number, str(path), *size, boxes, labels, np.zeros(objects, bool))


def packed(folder: Path, objects: list[int], repeat: int = 1) -> PackedAnnotations:
    made = [write_image(folder, number, count) for number, count in enumerate(objects)]
    made = [one._replace(image_id=10 * place + one.image_id) for place in range(repeat) for one in made]
    return PackedAnnotations.from_annotations(made, ("a", "b", "c"))


def augmenting() -> Pipeline:
    return Pipeline({"crop": SSDCrop(), "flip": HorizontalFlip(), "color": ColorDistortion()}, 32)


@pytest.mark.parametrize("objects", [[0], [0, 0, 0]])
def test_a_batch_of_images_without_objects(tmp_path, objects):
    dataset = DetectionDataset(packed(tmp_path, objects), augmenting())
    batch = collate([dataset[index] for index in range(len(objects))])
    assert batch.boxes.shape == (len(objects), 0, 4) and batch.boxes.dtype == torch.float32
    assert batch.labels.shape == (len(objects), 0) and batch.labels.dtype == torch.int64


def test_a_sample_in_pixels_of_the_network(tmp_path):
    annotations = packed(tmp_path, [2])
    sample = DetectionDataset(annotations, Pipeline({}, (20, 30)))[0]
    pixels = cv2.cvtColor(cv2.imread(annotations[0].path), cv2.COLOR_BGR2RGB)
    expected = cv2.resize(pixels, (30, 20), interpolation=cv2.INTER_AREA)
    assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), expected)
    assert collate([sample]).images.is_contiguous()
    assert np.allclose(sample.boxes.numpy(), annotations[0].boxes / 2, atol=1e-4)
    assert np.array_equal(sample.labels.numpy(), annotations[0].labels)
    assert np.array_equal(sample.annotation.boxes, annotations[0].boxes)


def test_collate_pads_with_zero_boxes_and_labels_of_minus_one(tmp_path):
    dataset = DetectionDataset(packed(tmp_path, [3, 0, 1]), Pipeline({}, 16))
    samples = [dataset[index] for index in range(3)]
    batch = collate(samples)
    assert batch.images.shape == (3, 3, 16, 16) and batch.images.dtype == torch.uint8
    assert (batch.labels >= 0).sum(dim=1).tolist() == [3, 0, 1]
    assert torch.equal(batch.boxes[0], samples[0].boxes) and torch.equal(batch.boxes[2, :1], samples[2].boxes)
    assert not batch.boxes[batch.labels < 0].any() and (batch.labels[1] == -1).all()
    assert [one.image_id for one in batch.annotations] == [0, 1, 2]


def test_collate_writes_each_image_before_it_asks_for_the_next(tmp_path):
    dataset = DetectionDataset(packed(tmp_path, [3, 0, 1]), Pipeline({}, 16))
    alive: list[weakref.ref[torch.Tensor]] = []

    def one_by_one() -> Iterator[Sample]:
        for index in range(3):
            sample = dataset[index]
            alive.append(weakref.ref(sample.image))
            yield sample
            del sample
            assert sum(image() is not None for image in alive) <= 1

    batch, whole = collate(one_by_one(), 3), collate([dataset[index] for index in range(3)])
    assert torch.equal(batch.images, whole.images) and torch.equal(batch.boxes, whole.boxes)
    assert torch.equal(batch.labels, whole.labels) and len(alive) == 3


def test_images_of_two_sizes_are_no_batch(tmp_path):
    annotations = packed(tmp_path, [1])
    samples = [DetectionDataset(annotations, Pipeline({}, side))[0] for side in (16, 24)]
    with pytest.raises(ValueError, match=r"one size in a batch, but got \[\(3, 16, 16\), \(3, 24, 24\)\]"):
        collate(samples)
    with pytest.raises(ValueError, match="at least one sample"):
        collate([])


def test_indices_behave_as_in_a_sequence(tmp_path):
    dataset = DetectionDataset(packed(tmp_path, [1, 1]), augmenting())
    assert torch.equal(dataset[-1].image, dataset[1].image)
    with pytest.raises(IndexError):
        dataset[2]


def test_a_key_names_the_sample_whoever_asks(tmp_path):
    annotations = packed(tmp_path, [1, 2])
    one = DetectionDataset(annotations, augmenting(), seed=3)
    other = DetectionDataset(annotations, augmenting(), seed=3)
    keys = [SampleKey(epoch, position, 1) for epoch in range(3) for position in range(3)]
    first = {key: one[key].image.numpy().tobytes() for key in keys}
    assert first == {key: other[key].image.numpy().tobytes() for key in reversed(keys)}
    assert len(set(first.values())) > 6
    assert first != {key: DetectionDataset(annotations, augmenting(), 4)[key].image.numpy().tobytes() for key in keys}


def streams(dataset: DetectionDataset, workers: int, persistent: bool, rank: int = 0, world: int = 1) -> list[bytes]:
    """The images of two epochs, in the order of the loader."""
    sampler = EpochSampler(len(dataset), 1, seed=0, rank=rank, world_size=world)
    loader = DataLoader(
        dataset,
        batch_size=1,
        sampler=sampler,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=worker_init,
        persistent_workers=persistent,
    )
    images = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        images += [batch.images.numpy().tobytes() for batch in loader]
    return images


@pytest.mark.slow
def test_workers_and_epochs_see_different_augmentations_of_one_image(tmp_path):
    """Four streams from two workers and two epochs; the same again; others on another rank."""
    annotations = packed(tmp_path, [1], repeat=2)

    def make(seed: int) -> DetectionDataset:
        return DetectionDataset(annotations, Pipeline({"crop": SSDCrop(p=1.0), "color": ColorDistortion()}, 32), seed)

    expected = streams(make(7), workers=0, persistent=False)
    assert len(set(expected)) == 4
    for persistent in (False, True):
        assert streams(make(7), 2, persistent) == expected
    assert set(streams(make(8), 0, False)).isdisjoint(expected)
    ranks = [streams(make(7), 0, False, rank, world=2) for rank in range(2)]
    assert set(ranks[0]).isdisjoint(ranks[1])
    assert sorted(ranks[0] + ranks[1]) == sorted(expected), "two ranks share out what one process would see"


def test_mosaic_closes_in_persistent_workers_and_stays_closed_after_a_resume(tmp_path):
    annotations = packed(tmp_path, [1], repeat=4)
    open_first = Pipeline({"mosaic": Mosaic(p=1.0, close_epoch=1)}, 32)
    plain = DetectionDataset(annotations, Pipeline({}, 32))[0].image.numpy().tobytes()
    images = streams(DetectionDataset(annotations, open_first), 2, persistent=True)
    assert plain not in images[:4]
    assert images[4:] == [plain] * 4
    resumed = EpochSampler(4, 1, epoch=1, start_batch=2)
    again = [DetectionDataset(annotations, open_first)[key].image.numpy().tobytes() for key in resumed]
    assert again == [plain] * 2


def test_mosaic_draws_its_partners_through_the_data_set(tmp_path):
    annotations = packed(tmp_path, [1, 1, 1, 1])
    dataset = DetectionDataset(annotations, Pipeline({"mosaic": Mosaic(p=1.0, min_visible_area=0.0)}, 64))
    assert max(len(dataset[SampleKey(epoch, 0, 0)].labels) for epoch in range(10)) > 1


def mixing() -> Pipeline:
    return Pipeline({"mosaic": Mosaic(p=0.7, nearby=True), "crop": SSDCrop()}, 32)


def test_what_a_worker_keeps_changes_no_sample(tmp_path):
    """Whatever the batches and workers: each sample is that of a data set that has read nothing before."""
    annotations = packed(tmp_path, [1, 2, 0, 3, 1], repeat=5)
    keys = list(EpochSampler(25, 5, seed=1, epoch=3))
    expected = {}
    for key in keys:
        sample = DetectionDataset(annotations, mixing(), 1)[key]
        expected[key.position] = (sample.image.numpy().tobytes(), sample.boxes.numpy().tobytes())
    for batch, workers in ((1, 0), (5, 0), (4, 2)):
        sampler = EpochSampler(25, batch, seed=1, epoch=3)
        loader = sample_loader(
            DetectionDataset(annotations, mixing(), 1), batch_size=batch, sampler=sampler, num_workers=workers
        )
        images = [image.numpy().tobytes() for batch in loader for image in batch.images]
        assert images[:25] == [expected[key.position][0] for key in keys]
    shuffled = DetectionDataset(annotations, mixing(), 1)
    for key in reversed(keys):
        sample = shuffled[key]
        assert (sample.image.numpy().tobytes(), sample.boxes.numpy().tobytes()) == expected[key.position]


def test_mosaic_decodes_each_image_of_a_block_once_and_takes_its_partners_from_it(tmp_path, monkeypatch):
    annotations = packed(tmp_path, [1] * 40)
    read: list[str] = []

    def noting(path: str, **settings: tuple[int, int]) -> np.ndarray:
        read.append(Path(path).stem)
        return read_image(path, **settings)

    monkeypatch.setattr("lightweight_ssd.data.dataset.read_image", noting)
    dataset = DetectionDataset(annotations, Pipeline({"mosaic": Mosaic(p=1.0, nearby=True)}, 32))
    for key in EpochSampler(32, 4, seed=1):
        before = len(read)
        dataset[key]
        assert {int(name) for name in read[before:]} <= set(key.near)
    assert sorted(read) == sorted(str(number) for number in range(32))
    assert len(DetectionDataset(annotations, augmenting())._recent or ()) == 0


def test_a_missing_image_is_named(tmp_path):
    annotations = packed(tmp_path, [1])
    Path(annotations[0].path).unlink()
    with pytest.raises(FileNotFoundError, match=r"0\.png"):
        DetectionDataset(annotations, augmenting())[0]


def test_an_image_of_another_size_is_named(tmp_path):
    annotations = packed(tmp_path, [1])
    cv2.imwrite(annotations[0].path, np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ValueError, match=r"0\.png"):
        DetectionDataset(annotations, augmenting())[0]


def test_an_error_in_a_step_is_told_with_the_image(tmp_path):
    def broken(*_: object, **__: object) -> tuple:
        raise RuntimeError("no such color")

    with pytest.raises(RuntimeError, match="no such color") as caught:
        DetectionDataset(packed(tmp_path, [1]), broken)[0]
    assert "0.png" in caught.value.__notes__[0]


def test_crowds_are_not_learnt_but_stay_in_the_record(tmp_path):
    one = write_image(tmp_path, 0, objects=3)._replace(crowd=np.array([False, True, False]))
    dataset = DetectionDataset(PackedAnnotations.from_annotations([one], ("a", "b", "c")), Pipeline({}, (40, 60)))
    sample = dataset[0]
    assert np.allclose(sample.boxes.numpy(), one.boxes[[0, 2]], atol=1e-4)
    assert sample.labels.tolist() == one.labels[[0, 2]].tolist()
    assert len(sample.annotation.boxes) == 3 and sample.annotation.crowd.tolist() == [False, True, False]
    _, learned = dataset.draw(0)
    assert len(learned.boxes) == len(learned.difficult) == len(learned.areas) == 2 and not learned.crowd.any()


ALL_STEPS = {
    "mosaic": Mosaic(p=0.5),
    "crop": SSDCrop(),
    "flip": HorizontalFlip(),
    "gray_mix": GrayMixRGB(p=1.0),
    "color": ColorDistortion(),
}


@pytest.mark.slow
def test_cached_images_that_are_not_shrunk_give_the_bytes_of_the_files(tmp_path):
    annotations = packed(tmp_path, [1, 2, 0, 3])
    pipeline = Pipeline(ALL_STEPS, 32)
    images = open_image_cache(annotations, 60, tmp_path)
    keys = [SampleKey(epoch, position, position % 4) for epoch in range(5) for position in range(8)]
    read, cached = (DetectionDataset(annotations, pipeline, 1, source) for source in (None, images))
    for key in keys:
        assert torch.equal(read[key].image, cached[key].image)
        assert torch.equal(read[key].boxes, cached[key].boxes) and torch.equal(read[key].labels, cached[key].labels)


def test_a_cached_image_of_the_size_of_the_input(tmp_path):
    annotations = packed(tmp_path, [1])
    images = open_image_cache(annotations, 60, tmp_path)
    sample = DetectionDataset(annotations, Pipeline({}, (40, 60)), images=images)[0]
    sample.image[0, 0, 0] = 7  # a tensor of one's own
    assert np.array_equal(sample.image[:, 1:].permute(1, 2, 0).numpy(), images[0][1:])


def test_boxes_shrink_with_their_cached_image(tmp_path):
    annotations = packed(tmp_path, [3])
    known = annotations[0]
    known.boxes[0] = (0, 0, 60, 40)
    annotations = PackedAnnotations.from_annotations([known], annotations.class_names)
    dataset = DetectionDataset(annotations, Pipeline({}, 32), images=open_image_cache(annotations, 31, tmp_path))
    image, learned = dataset.draw(0)
    assert image.shape == (21, 31, 3) and (learned.height, learned.width) == (21, 31)
    assert np.allclose(learned.boxes, known.boxes * np.array([31 / 60, 21 / 40] * 2), atol=1e-4)
    assert learned.boxes.max() <= 31 and learned.boxes[:, 3].max() <= 21
    assert np.allclose(learned.areas, known.areas * (31 * 21) / (60 * 40))
    assert np.array_equal(dataset[0].annotation.boxes, known.boxes)


def cut(annotations: PackedAnnotations, *numbers: int) -> None:
    for number in numbers:
        path = Path(annotations[number].path)
        path.write_bytes(path.read_bytes()[:50])


@pytest.mark.parametrize("cached", [False, True])
def test_a_bad_image_is_replaced_by_the_next_good_one(tmp_path, cached):
    annotations = packed(tmp_path, [1, 1, 1, 1])
    cut(annotations, 2, 3)
    images = open_image_cache(annotations, 60, tmp_path, "skip") if cached else None
    dataset = DetectionDataset(annotations, Pipeline({}, 32), images=images, on_bad="skip")
    samples = [dataset[index] for index in range(4)]
    assert [sample.annotation.image_id for sample in samples] == [0, 1, 0, 0]
    assert torch.equal(samples[2].image, samples[0].image) and torch.equal(samples[2].boxes, samples[0].boxes)
    assert [len(sample.skipped) for sample in samples] == [0, 0, 2, 1]
    assert "2.png" in samples[2].skipped[0] and "3.png" in samples[2].skipped[1]
    assert collate(samples).skipped == [*samples[2].skipped, *samples[3].skipped]


def test_a_bad_partner_of_mosaic_is_replaced_too(tmp_path):
    annotations = packed(tmp_path, [1, 1, 1])
    cut(annotations, 1)
    dataset = DetectionDataset(annotations, Pipeline({"mosaic": Mosaic(p=1.0)}, 32), on_bad="skip")
    samples = [dataset[SampleKey(epoch, 0, 0)] for epoch in range(8)]
    assert {sample.annotation.image_id for sample in samples} == {0}
    sentences = {sentence for sample in samples for sentence in sample.skipped}
    assert len(sentences) == 1 and "1.png" in sentences.pop()


def test_too_many_bad_images_in_a_row_are_an_error(tmp_path):
    annotations = packed(tmp_path, [0], repeat=300)
    cut(annotations, 0)
    with pytest.raises(ValueError, match=r"100 in a row cannot be used.*0\.png"):
        DetectionDataset(annotations, Pipeline({}, 32), on_bad="skip")[0]
    few = PackedAnnotations.from_annotations(list(annotations.take([0, 1])), annotations.class_names)
    with pytest.raises(ValueError, match=r"2 in a row"):
        DetectionDataset(few, Pipeline({}, 32), on_bad="skip")[1]


def test_samples_travel_between_processes_and_memory(tmp_path):
    dataset = DetectionDataset(packed(tmp_path, [1, 0, 2]), augmenting())
    loader = DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=collate, worker_init_fn=worker_init)
    batches = list(loader)
    assert [len(batch.annotations) for batch in batches] == [2, 1]
    assert isinstance(dataset[0], Sample)
