"""The network that a device runs: an image as a camera gives it in, boxes and scores out, nothing left to look up.

The detector makes its anchors anew for every size of image. On a device the size is fixed, so here they are constants;
nothing in the graph depends on a size that is known only at run time, and every exporter takes it.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lightweight_ssd.detector.ssd import Detector
from lightweight_ssd.ops.box_coding import MAX_LOG_SIZE
from lightweight_ssd.ops.boxes import xyxy_to_cxcywh

__all__ = ["DeployedNetwork", "Outputs"]

Outputs = Literal["boxes", "raw", "nms"]


class DeployedNetwork(nn.Module):
    """Normalization, network and, unless the outputs are raw, the decoding of the boxes.

    Attributes:
        image_size: (height, width) of the images, pixels.
        anchors: (A, 4), xyxy in pixels of the images.
        outputs: Names of the two outputs.
    """

    mean: Tensor
    std: Tensor
    anchors: Tensor
    centers: Tensor
    sizes: Tensor
    scale: Tensor
    corner: Tensor

    def __init__(self, detector: Detector, image_size: tuple[int, int], outputs: Outputs = "boxes") -> None:
        """Keep the detector's parts and make the anchors for one size of image.

        Args:
            detector: Trained; it is put into evaluation mode.
            image_size: (height, width), pixels.
            outputs: `boxes`: boxes (B, A, 4), xyxy in pixels of the images, and scores (B, A, C), 0 to 1.
                `raw`: logits (B, A, C) and offsets (B, A, 4), to be decoded against `anchors`.
                `nms`: as `boxes`, cut to the image, for a suppression that the file's writer adds.
        """
        super().__init__()
        detector = detector.eval()
        self.backbone, self.neck, self.head = detector.backbone, detector.neck, detector.head
        self.image_size, self.decodes, self.clips = image_size, outputs != "raw", outputs == "nms"
        self.outputs = ("boxes", "scores") if self.decodes else ("logits", "offsets")
        with torch.no_grad():
            anchors = detector(torch.zeros(1, 3, *image_size, device=detector.mean.device)).anchors
        cx, cy, width, height = xyxy_to_cxcywh(anchors).unbind(-1)
        constants = {
            "mean": detector.mean, "std": detector.std, "anchors": anchors,
            "centers": torch.stack([cx, cy], dim=-1), "sizes": torch.stack([width, height], dim=-1),
            "scale": anchors.new_tensor(detector.variances),
            "corner": anchors.new_tensor([image_size[1], image_size[0]] * 2),
        }  # fmt: skip
        for name, value in constants.items():
            self.register_buffer(name, value.detach().clone(), persistent=False)

    def forward(self, images: Tensor) -> tuple[Float[Tensor, "B A _"], Float[Tensor, "B A _"]]:
        """Compute the outputs.

        Args:
            images: (B, 3, height, width), RGB, 0 to 255, bytes or floats.

        Returns:
            The two outputs of the class's description, float32.
        """
        x = (images.to(torch.float32) - self.mean) / self.std
        logits, offsets = self.head(self.neck(self.backbone(x)))
        if not self.decodes:
            return logits, offsets
        return self._decode(offsets), logits.sigmoid()

    def _decode(self, offsets: Float[Tensor, "B A 4"]) -> Float[Tensor, "B A 4"]:
        """As `ops.box_coding.decode`, with what is known of the anchors computed once."""
        scaled = offsets * self.scale
        centers = self.centers + scaled[..., :2] * self.sizes
        halves = self.sizes * scaled[..., 2:].clamp(max=MAX_LOG_SIZE).exp() / 2
        boxes = torch.cat([centers - halves, centers + halves], dim=-1)
        return boxes.clamp(min=0).minimum(self.corner) if self.clips else boxes
