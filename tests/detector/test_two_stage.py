"""Detectors of two stages: the papers' counts, what training and evaluation look at, whatever wraps or moves them."""

import copy
from dataclasses import replace

import pytest
import torch
from tests.small_detectors import NARROW, objects, some_images, two_stage
from torchvision.ops import box_iou

from lightweight_ssd.detector.inference import prepared_for_inference
from lightweight_ssd.detector.inputs import check_images
from lightweight_ssd.export.network import DeployedNetwork
from lightweight_ssd.profiling.complexity import complexity
from lightweight_ssd.tensor_types import TwoStageOutputs


def test_thundernet_has_its_counts_to_the_digit() -> None:
    counted = complexity(two_stage("thundernet", classes=20, narrow=False).detector, 320)
    assert counted["parameters"] == 1_086_310 and counted["anchors"] == 10_000
    assert {name: part["parameters"] for name, part in counted["parts"].items()} == {
        "backbone": 362_584,
        "neck": 281_015,
        "rpn": 69_847,
        "attention": 63_210,
        "rpn_head": 32_125,
        "head": 251_904 + 21_525 + 4_100,
    }
    assert counted["macs"] == 248_665_840  # 193.4 million, and 0.276 million for each of 200 proposals
    assert counted["parts"]["head"]["macs"] == 200 * (245 * 1024 + 1024 * (21 + 4))


def test_faster_rcnn_has_its_counts_to_the_digit() -> None:
    with torch.device("meta"):
        detector = two_stage("faster_rcnn", classes=20, narrow=False).detector
    counted = complexity(detector, 300)
    assert counted["parameters"] == 137_073_622 and counted["anchors"] == 3_249
    assert {name: part["parameters"] for name, part in counted["parts"].items()} == {
        "backbone": 14_714_688,
        "neck": 0,
        "rpn": 2_359_808,
        "rpn_head": 23_085,
        "head": 119_545_856 + 86_037 + 344_148,
    }
    assert counted["macs"] == 64_666_842_624  # 27.8 thousand million, 0.9 of the first stage, 36.0 of 300 proposals


def test_their_anchors_have_the_sizes_of_the_papers() -> None:
    sides = {}
    for name, size in (("thundernet", 320), ("faster_rcnn", 600)):
        made = two_stage(name).detector.anchors([(1, 1)], (size, size)).boxes
        sides[name] = [round(side) for side in (made[:, 2:] - made[:, :2]).prod(dim=1).sqrt().tolist()]
    assert sides["thundernet"] == [side for side in (32, 64, 128, 256, 512) for _ in range(5)]
    assert sides["faster_rcnn"] == [side for side in (128, 256, 512) for _ in range(3)]


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("counts", [(2, 0), (0, 0), (3, 1)])
def test_every_weight_learns_in_every_step(name: str, counts: tuple[int, int]) -> None:
    """Also without objects: processes that train together wait for every gradient."""
    detector, criterion = two_stage(name)
    boxes, labels = objects(*counts)
    raw = detector(some_images(), boxes, labels)
    losses = criterion(raw, boxes, labels)
    total = criterion.total(losses.terms)  # pyright: ignore[reportCallIssue]
    total.backward()
    assert total.isfinite() and all(weight.grad is not None for weight in detector.parameters())
    assert all(weight.grad.isfinite().all() for weight in detector.parameters())
    assert (losses.matched > 0) == (sum(counts) > 0)


@pytest.mark.parametrize("name", NARROW)
def test_training_draws_and_evaluation_looks_at_all_proposals(name: str) -> None:
    detector, _ = two_stage(name)
    boxes, labels = objects(2, 1)
    raw = detector(some_images(), boxes, labels)
    number = detector.draw.number
    assert raw.second.logits.shape == (2, number, 4) and raw.second.anchors.shape == (2, number, 4)
    share = (detector.draw.matcher(raw.second.anchors, boxes, labels) >= 0).sum(dim=1) / number
    assert (share <= 0.25).all() and (share > 0).all()
    raw = detector.eval()(some_images(), boxes, labels)
    assert raw.second.logits.shape[1] == {"thundernet": 200, "faster_rcnn": 300}[name]
    told, untold = raw, detector(some_images())
    torch.testing.assert_close(told.second.logits, untold.second.logits)


def test_proposals_are_the_best_of_the_first_stage_apart_from_each_other_inside_the_image() -> None:
    detector = two_stage("thundernet").detector.eval()
    first, second = detector(some_images())
    assert first.logits.shape == (2, 4 * 5 * 25, 1)
    for proposals in second.anchors:
        real = proposals[(proposals[:, 2:] > proposals[:, :2]).all(dim=1)]
        assert len(real) > 20 and not proposals[len(real) :].any(), "padding comes last"
        assert real.min() >= 0 and real[:, 2].max() <= 80 and real[:, 3].max() <= 64
        assert (box_iou(real, real) - torch.eye(len(real))).max() <= 0.7 + 1e-6


def test_proposals_pass_no_gradient_to_the_first_stage() -> None:
    detector, _ = two_stage("thundernet", "detector.attention=null")
    boxes, labels = objects(2, 1)
    second = detector(some_images(), boxes, labels).second
    (second.logits.sum() + second.offsets.sum()).backward()
    assert all(weight.grad is None for part in (detector.rpn, detector.rpn_head) for weight in part.parameters())
    assert all(weight.grad is not None for weight in detector.neck.parameters())
    assert not second.anchors.requires_grad


def test_draws_follow_their_count_which_the_weights_carry() -> None:
    boxes, labels = objects(2, 1)
    detector, _ = two_stage("thundernet")
    images, start = some_images(), copy.deepcopy(detector.state_dict())
    first = detector(images, boxes, labels).second.anchors
    detector.load_state_dict(start)
    again = detector(images, boxes, labels).second.anchors
    assert torch.equal(first, again) and detector.draws == 1
    detector.load_state_dict({**start, "draws": torch.tensor(5)})
    assert not torch.equal(detector(images, boxes, labels).second.anchors, first)
    detector.eval()(images)
    assert detector.draws == 6, "evaluation draws nothing"


@pytest.mark.parametrize("name", NARROW)
def test_predictions_are_the_boxes_of_the_second_stage(name: str) -> None:
    detector = two_stage(name).detector.eval()
    found = detector.predict(some_images(), replace(detector.postprocess, score_threshold=0.0, max_detections=30))
    assert len(found) == 2
    for each in found:
        assert 0 < len(each.boxes) <= 30 and each.labels.max() < 3
        assert (each.scores.diff() <= 0).all() and each.scores.max() < 1
        assert (each.boxes[:, 2:] > each.boxes[:, :2]).all() and each.boxes[:, 2].max() <= 80
    only = detector.postprocess(detector(some_images()), (64, 80), labels=[1])
    assert all(set(each.labels.tolist()) <= {1} for each in only)
    with pytest.raises(ValueError, match="in evaluation mode for predict"):
        detector.train().predict(some_images())


def test_a_class_has_the_box_that_is_its_own() -> None:
    """Faster R-CNN's offsets of one class are moved to the right; its detections alone move."""
    detector = two_stage("faster_rcnn", "detector.postprocess.score_threshold=0.0").detector.eval()
    raw = detector(some_images(1))
    moved = raw.second.offsets.clone()
    moved[:, :, 2, 0] += 3
    after = raw._replace(second=raw.second._replace(offsets=moved))
    for label in range(3):
        before, now = (detector.postprocess(each, (64, 80), labels=[label])[0] for each in (raw, after))
        assert (label == 2) != (before.boxes.shape == now.boxes.shape and bool(torch.equal(before.boxes, now.boxes)))


@pytest.mark.parametrize("name", NARROW)
def test_half_precision_pools_in_float32(name: str) -> None:
    detector, criterion = two_stage(name)
    boxes, labels = objects(2, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        raw = detector(some_images(), boxes, labels)
        terms = criterion(raw, boxes, labels).terms
    assert raw.second.logits.dtype == torch.bfloat16 and raw.second.anchors.dtype == torch.float32
    assert all(term.dtype == torch.float32 and term.isfinite() for term in terms.values())


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_another_precision_run_through_both_stages(name: str, dtype: torch.dtype) -> None:
    detector, criterion = two_stage(name)
    boxes, labels = objects(2, 1)
    drawn = detector.to(dtype)(some_images(), boxes, labels)
    assert all(term.isfinite() for term in criterion(drawn, boxes, labels).terms.values())
    raw = detector.eval()(some_images())
    assert raw.second.logits.dtype == raw.second.offsets.dtype == dtype
    assert raw.second.logits.isfinite().all() and len(detector.predict(some_images())) == 2


@pytest.mark.parametrize("name", NARROW)
def test_no_images_have_no_detections(name: str) -> None:
    detector = two_stage(name).detector.eval()
    assert detector.predict(some_images()[:0]) == []
    assert detector(some_images()[:0]).second.offsets.shape[0] == 0


@pytest.mark.parametrize("name", NARROW)
def test_a_copy_for_inference_finds_the_same(name: str) -> None:
    detector = two_stage(name).detector.eval()
    for module in detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_var is not None and module.running_mean is not None
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
    ready, images = prepared_for_inference(detector), some_images()
    with torch.no_grad():
        ours, theirs = detector(images), ready(images)
    torch.testing.assert_close(ours.first.logits, theirs.first.logits, rtol=1e-4, atol=1e-5)
    again = detector._second(detector._maps(images)[0], theirs.second.anchors, (64, 80))  # a tie may order them anew
    torch.testing.assert_close(again[0], theirs.second.logits, rtol=1e-4, atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in ready.modules())


@pytest.mark.parametrize("name", NARROW)
def test_a_trace_runs_every_layer_once(name: str) -> None:
    detector = two_stage(name).detector.eval()
    logits, offsets, second_logits, second_offsets = detector.trace(some_images(1))
    anchors = 4 * 5 * {"thundernet": 25, "faster_rcnn": 9}[name]
    assert logits.shape == (1, anchors, 1) and offsets.shape == (1, anchors, 4)
    assert second_logits.shape[1] == second_offsets.shape[1] == {"thundernet": 200, "faster_rcnn": 300}[name]


def test_an_export_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        ValueError, match="Expected a single-shot detector to export but got TwoStageDetector, which has"
    ):
        DeployedNetwork(two_stage("thundernet").detector.eval(), (64, 64))


def test_only_what_has_no_suppression_in_it_is_compiled() -> None:
    detector = two_stage("thundernet").detector
    detector.compile(backend="eager")
    compiled = [name for name, part in detector.named_modules() if part._compiled_call_impl is not None]
    assert compiled == ["backbone", "neck"]


def test_images_that_are_too_small_or_no_images_are_refused() -> None:
    detector = two_stage("thundernet").detector.eval()
    assert isinstance(detector(some_images(1, 16, 16)), TwoStageOutputs)
    with pytest.raises(ValueError, match="images of 16 pixels or more a side"):
        detector(some_images(1, 15, 40))
    with pytest.raises(ValueError, match=r"of the shape \(batch, 3, height, width\)"):
        check_images(torch.zeros(1, 1, 32, 32), 16)


def test_parts_are_free() -> None:
    """Another backbone, sigmoids without background, a box for each class, and boxes learned by their overlap."""
    boxes, labels = objects(2, 1)
    overrides = ("backbone=mobilenet_v1", "loss=bll", "classification=focal")
    detector, criterion = two_stage(
        "thundernet", *overrides, "detector.head.background=false", "detector.head.per_class=true", narrow=False
    )
    raw = detector(some_images(), boxes, labels)
    assert raw.second.logits.shape[2] == 3 and raw.second.offsets.shape[2:] == (3, 4)
    assert criterion.total(criterion(raw, boxes, labels).terms).isfinite()  # pyright: ignore[reportCallIssue]


def test_several_levels_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"MobileNetV1 and NoNeck have 6; give neck=cem"):
        two_stage("faster_rcnn", "backbone=mobilenet_v1", narrow=False)
