"""Checkpoints: read safely, saved whole, taken weights from."""
