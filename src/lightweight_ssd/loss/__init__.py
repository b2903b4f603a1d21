"""Localization losses, one per file: the error of each anchor between its predicted box and its ground truth.

Each is a module without weights. `forward(pred, target)` takes two tensors of shape (..., 4) and returns one of shape
(...), in at least float32, neither summed nor normalized; that is left to `criterion.ssd`, which matches anchors
to objects first. The attribute `space` says in what units a loss compares:

- "boxes": xyxy in pixels of the network's input (BLL, CIoU, DIoU, GIoU, IoU);
- "offsets": offsets from the anchor, as `ops.box_coding.encode` gives them (smooth L1, L2).

Values and gradients are finite for every box that a network can predict, boxes without area included.
"""
