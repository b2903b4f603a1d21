"""The whole detector: the paper's counts, anything that wraps or moves it, mistakes."""

import copy
import pickle
from functools import partial
from typing import Any

import jaxtyping
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch._dynamo.testing import CompileCounter
from torch.utils.flop_counter import FlopCounterMode

from lightweight_ssd.anchors.ssd import SSDAnchors
from lightweight_ssd.backbone.mblitenet import MBlitenet
from lightweight_ssd.coding.variance import VarianceCoder
from lightweight_ssd.config.paths import CONF_DIR
from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.head.ssd import SSDHead
from lightweight_ssd.neck.cfpn import CFPN
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.tensor_types import RawOutputs


def part(group: str, name: str, **changes: Any) -> Any:
    """A part as its config describes it."""
    config = OmegaConf.merge(OmegaConf.load(CONF_DIR / group / f"{name}.yaml"), changes)
    return instantiate(config, _convert_="all")


def paper(neck: str, **changes: Any) -> Detector:
    return Detector(
        part("backbone", "mblitenet"), part("neck", neck, **changes), SSDHead, SSDAnchors(), VarianceCoder(), 20
    )


def small(**changes: Any) -> Detector:
    """Three levels of strides 4, 8 and 16 and few channels, in evaluation mode."""
    torch.manual_seed(0)
    row = {"block": "attentive", "expansion": 2, "channels": 4, "repeats": 1, "stride": 2, "level": True}
    rows = [row, row | {"level": False}]
    backbone = MBlitenet([{"channels": 4, "stride": 2}], rows, last_channels=8, extra_channels=[6])
    settings = {"neck": partial(CFPN, width=8), "head": SSDHead, "anchors": SSDAnchors(), "coder": VarianceCoder()}
    settings |= {"num_classes": 3} | changes
    return Detector(backbone, **settings).eval()


def some_images(batch: int = 2, height: int = 37, width: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("neck", "changes", "parameters", "giga_macs"),
    [
        ("none", {}, 4_159_382, 1.20),
        ("fpn", {}, 4_564_694, 1.32),
        ("cfpn", {"circles": 1}, 4_713_686, 1.39),
        ("cfpn", {"circles": 2}, 4_862_678, 1.55),
        ("cfpn", {"circles": 3}, 4_862_678, 1.72),
    ],
)
def test_counts_of_the_reading(neck: str, changes: dict[str, int], parameters: int, giga_macs: float) -> None:
    detector = paper(neck, **changes).eval()
    assert sum(p.numel() for p in detector.parameters()) == parameters
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        raw = detector(some_images(1, 300, 300))
    assert round(counter.get_total_flops() / 2e9, 2) == giga_macs
    assert raw.logits.shape == (1, 7302, 20)
    assert raw.offsets.shape == (1, 7302, 4)
    assert raw.anchors.shape == (7302, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("neck", "changes"), [("none", {}), ("fpn", {}), ("cfpn", {"circles": 1}), ("cfpn", {"circles": 3})]
)
def test_every_parameter_gets_a_gradient_at_an_odd_size(neck: str, changes: dict[str, int]) -> None:
    torch.manual_seed(0)
    detector = paper(neck, **changes)
    raw = detector(some_images(2, 257, 191))
    cells = [33 * 24, 17 * 12, 9 * 6, 5 * 3, 3 * 2]
    assert len(raw.anchors) == raw.logits.shape[1] == cells[0] * 3 + sum(cells[1:]) * 6
    (raw.logits.square().mean() + raw.offsets.square().mean()).backward()
    assert [name for name, p in detector.named_parameters() if p.grad is None] == []


def test_empty_batch() -> None:
    raw = small()(some_images(0))
    assert raw.logits.shape == (0, len(raw.anchors), 3)
    assert small().predict(some_images(0)) == []


def test_bytes_and_floats_are_normalised_alike() -> None:
    detector, images = small(), some_images()
    torch.testing.assert_close(detector(images).logits, detector(images.float()).logits)
    same = small(mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0])
    by_hand = (images.float() - torch.tensor([123.675, 116.28, 103.53]).reshape(3, 1, 1)) / torch.tensor(
        [58.395, 57.12, 57.375]
    ).reshape(3, 1, 1)
    torch.testing.assert_close(detector(images).logits, same(by_hand).logits)


def test_anchors_have_the_order_of_the_head() -> None:
    """Levels of 10×13, 5×7 and 3×4 cells."""
    raw = small()(some_images())
    expected = SSDAnchors()([(10, 13), (5, 7), (3, 4)], (37, 50)).boxes
    torch.testing.assert_close(raw.anchors, expected)
    assert raw.logits.shape[1] == len(expected)


def test_anchors_follow_the_size_and_are_made_once() -> None:
    detector = small()
    first = detector(some_images()).anchors
    assert detector(some_images()).anchors is first
    assert not torch.equal(detector(some_images(1, 50, 37)).anchors, first)
    # The same maps, but another image.
    assert not torch.equal(detector(some_images(2, 38, 50)).anchors, first)
    assert detector(some_images()).anchors is first


def test_nothing_but_weights_is_in_the_state() -> None:
    detector = small()
    before = set(detector.state_dict())
    detector(some_images())
    assert set(detector.state_dict()) == before
    assert not [name for name in before if name.startswith(("mean", "std", "anchors", "_"))]


def test_training_follows_a_validation_in_inference_mode() -> None:
    detector = small()
    with torch.inference_mode():
        detector(some_images())
    raw = detector.train()(some_images())
    (raw.offsets * raw.anchors).sum().backward()


def test_copies_and_pickles() -> None:
    detector, images = small(), some_images()
    expected = detector(images)
    for other in (copy.deepcopy(detector), pickle.loads(pickle.dumps(detector))):
        torch.testing.assert_close(other(images), expected)


def test_bf16_autocast_leaves_the_anchors_alone() -> None:
    detector, images = small(), some_images()
    with torch.autocast("cpu", torch.bfloat16):
        raw = detector(images)
        found = detector.predict(images)
    assert (raw.logits.dtype, raw.offsets.dtype, raw.anchors.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)
    torch.testing.assert_close(raw.logits.float(), detector(images).logits, atol=0.05, rtol=0.05)
    assert all(d.boxes.dtype == d.scores.dtype == torch.float32 for d in found)


def test_channels_last_changes_nothing() -> None:
    detector, images = small(), some_images()
    expected = detector(images)
    detector = detector.to(memory_format=torch.channels_last)
    torch.testing.assert_close(detector(images.to(memory_format=torch.channels_last)), expected)


@pytest.mark.slow
def test_compiles_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shape checks at run time exist under pytest only; a compiler cannot look through them."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    detector, images = small(), some_images()
    with torch.no_grad():
        expected = detector(images)
        compiled = torch.compile(detector, backend="eager", fullgraph=True)
        torch.testing.assert_close(tuple(compiled(images)), tuple(expected))


@pytest.mark.slow
def test_is_not_compiled_again_for_every_number_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    counter, images = CompileCounter(), some_images()
    compiled = torch.compile(small(), backend=counter)
    for objects in (1, 2, 5):
        compiled(images, torch.ones(2, objects, 4), torch.zeros(2, objects, dtype=torch.int64))
    assert counter.frame_count == 1


@pytest.mark.slow
def test_exports_with_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    detector = small()
    side = partial(torch.export.Dim, min=17, max=640)
    shapes = {"images": {0: torch.export.Dim("batch", min=1, max=64), 2: side("height"), 3: side("width")}}
    exported = torch.export.export(detector, (some_images(),), dynamic_shapes=shapes).module()
    for images in (some_images(), some_images(1, 64, 33)):
        torch.testing.assert_close(tuple(exported(images)), tuple(detector(images)))


@pytest.mark.slow
def test_export_has_no_adaptive_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    nodes = torch.export.export(small(), (some_images(),)).graph.nodes
    operations = {str(node.target) for node in nodes if node.op == "call_function"}
    assert "aten.max_pool2d.default" in operations
    assert not [name for name in operations if "adaptive" in name or "nonzero" in name]


def test_predict_is_forward_and_postprocess() -> None:
    detector = small(postprocess={"score_threshold": 0.0, "max_detections": 5})
    images = some_images()
    found = detector.predict(images)
    assert [len(d.scores) for d in found] == [5, 5]
    expected = detector.postprocess(detector(images), (37, 50))
    for got, want in zip(found, expected, strict=True):
        torch.testing.assert_close(got.boxes, want.boxes.detach())
        assert (got.boxes >= 0).all()
        assert (got.boxes <= torch.tensor([50.0, 37.0, 50.0, 37.0])).all()
        assert not got.scores.requires_grad


def test_predict_refuses_training_mode() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        small().train().predict(some_images())


def test_unknown_postprocess_setting_is_named() -> None:
    with pytest.raises(ValueError, match=r"max_candidates.*but got.*nms"):
        small(postprocess={"nms": 0.5})


@pytest.mark.parametrize("shape", [(3, 37, 50), (1, 1, 37, 50), (1, 37, 50, 3)])
def test_wrong_shape_is_named(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=r"\(batch, 3, height, width\) but got"):
        small()(torch.zeros(shape))


def test_a_backbone_may_need_larger_images_than_its_coarsest_level_says() -> None:
    backbone = small().backbone
    backbone.min_size = 30
    detector = Detector(backbone, partial(CFPN, width=8), SSDHead, SSDAnchors(), VarianceCoder(), 3).eval()
    assert detector.min_size == 30 and len(detector(some_images(1, 30, 30)).logits) == 1
    for call in (detector, detector.trace):
        with pytest.raises(ValueError, match="images of 30 pixels or more a side"):
            call(some_images(1, 29, 50))
    with pytest.raises(ValueError, match="images of 30 pixels or more a side"):
        detector.at_size((64, 29))
    for size in ([29, 50], 29):
        with pytest.raises(ValueError, match="image_size of 30 pixels or more a side but got"):
            complexity(detector, size)


def test_trace_gives_what_the_weights_compute() -> None:
    detector, images = small(), some_images()
    raw = detector(images)
    assert all(torch.equal(one, other) for one, other in zip(detector.trace(images), raw[:2], strict=True))
    on_meta = copy.deepcopy(detector).to("meta").trace(images.to("meta"))
    assert [each.shape for each in on_meta] == [raw.logits.shape, raw.offsets.shape]


def test_objects_change_nothing() -> None:
    detector, images = small(), some_images()
    told = detector(images, torch.ones(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64))
    assert all(torch.equal(one, other) for one, other in zip(told[:4], detector(images)[:4], strict=True))


@pytest.mark.parametrize("size", [(37, 50), (64, 64)])
def test_at_one_size_it_finds_the_same_without_making_anchors(size: tuple[int, int]) -> None:
    detector, images = small(), some_images(2, *size)
    fixed = detector.at_size(size)
    detector._kept_anchors = None  # pyright: ignore[reportAttributeAccessIssue]  # nothing may be made any more
    with torch.no_grad():
        boxes, scores = fixed(images)
        raw = RawOutputs(*detector.trace(images), fixed.anchors, fixed.cells)
    torch.testing.assert_close(boxes, detector.coder.decode(raw.offsets, raw.anchors))
    torch.testing.assert_close(scores, detector.head.scores(raw))
    assert not [name for name in fixed.state_dict() if not name.startswith("detector.")], "anchors are no weights"


def test_too_small_images_are_named() -> None:
    assert small().min_size == 8
    assert len(small()(some_images(1, 8, 8)).anchors) == 2 * 2 * 3 + 6 + 6
    with pytest.raises(ValueError, match="images of 8 pixels or more a side"):
        small()(some_images(1, 7, 50))
