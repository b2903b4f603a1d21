"""Localisation losses: one anchor's error between its predicted box and its ground truth.

Each is a module with the attribute `space`, "boxes" (xyxy, pixels) or "offsets" (encoded against the anchor), whose
`forward(pred (..., 4), target (..., 4)) -> (...)` neither reduces nor normalises, and computes in at least float32.
"""
