"""Pooling under boxes: values by hand, gradients, precision, and the image that a box belongs to."""

import pytest
import torch

from lightweight_ssd.layers.roi_pool import PSRoIAlign, RoIAlign


def ramp(rows: int, columns: int) -> torch.Tensor:
    """A map whose value at a place is the place's x plus 100 times its y, in cells, centers at ½."""
    y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    return (x + 100 * y)[None, None].float()


def test_a_cell_has_the_mean_of_the_map_under_it() -> None:
    pooled = RoIAlign(size=2)(ramp(10, 20), torch.tensor([[[32.0, 16.0, 96.0, 48.0]]]), (160, 320))
    # The box is cells 2 to 6 along x and 1 to 3 along y; its quarters have their centers at 3 and 5, 1.5 and 2.5.
    torch.testing.assert_close(pooled, torch.tensor([[153.0, 155.0, 253.0, 255.0]]))


def test_position_sensitive_cells_have_channels_of_their_own() -> None:
    features = torch.cat([ramp(10, 20) + 1000 * channel for channel in range(8)], dim=1)
    pooled = PSRoIAlign(size=2)(features, torch.tensor([[[32.0, 16.0, 96.0, 48.0]]]), (160, 320))
    cells = torch.tensor([153.0, 155.0, 253.0, 255.0])
    torch.testing.assert_close(
        pooled, torch.cat([cells + 1000 * torch.arange(4), cells + 1000 * torch.arange(4, 8)])[None]
    )


def test_sizes_that_no_stride_divides_are_scaled_along_each_side() -> None:
    pooled = RoIAlign(size=1)(ramp(19, 10), torch.tensor([[[0.0, 0.0, 150.0, 300.0]]]), (300, 150))
    torch.testing.assert_close(pooled, torch.tensor([[5 + 100 * 9.5]]))


@pytest.mark.parametrize("pool", [RoIAlign(7), PSRoIAlign(7)])
def test_each_box_sees_its_own_image_in_the_precision_of_the_map(pool: RoIAlign | PSRoIAlign) -> None:
    features = torch.stack([torch.full((49, 8, 8), float(image)) for image in range(3)]).requires_grad_()
    boxes = torch.tensor([10.0, 10.0, 100.0, 100.0]).expand(3, 5, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = pool((features * 1).bfloat16(), boxes, (128, 128))
    assert pooled.dtype == torch.bfloat16 and pooled.shape == (15, pool.features(49))
    torch.testing.assert_close(pooled[:, 0].float(), torch.arange(3.0).repeat_interleave(5))
    pooled.sum().backward()
    assert features.grad is not None and features.grad.abs().sum() > 0


@pytest.mark.parametrize("pool", [RoIAlign(7), PSRoIAlign(7)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_places_are_as_exact_as_in_float32(pool: RoIAlign | PSRoIAlign, dtype: torch.dtype) -> None:
    """Of a map that bfloat16 holds exactly; coordinates of boxes in it would be rounded to even pixels."""
    features = torch.randint(-128, 129, (1, 49, 20, 20), generator=torch.Generator().manual_seed(0)).float()
    boxes = torch.tensor([[[129.3, 130.7, 171.1, 181.9], [3.3, 200.4, 301.2, 307.7]]])
    pooled, expected = pool(features.to(dtype), boxes, (320, 320)), pool(features, boxes, (320, 320)).to(dtype)
    assert pooled.dtype == dtype
    torch.testing.assert_close(pooled, expected, rtol=1e-4, atol=1e-3)  # values up to 128, placed in float32


def test_a_box_without_area_and_one_outside_are_finite() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [500.0, 500.0, 600.0, 600.0]]])
    for pool in (RoIAlign(7), PSRoIAlign(7)):
        assert pool(torch.rand(1, 49, 8, 8), boxes, (128, 128)).isfinite().all()


def test_channels_that_cannot_be_shared_out_are_named() -> None:
    assert PSRoIAlign(7).features(245) == 245 and RoIAlign(7).features(512) == 25_088
    with pytest.raises(ValueError, match=r"a multiple of 49 for position-sensitive pooling in 7×7 cells but got 250"):
        PSRoIAlign(7).features(250)
    with pytest.raises(ValueError, match="size and sampling of the pooling of at least 1"):
        RoIAlign(0)
