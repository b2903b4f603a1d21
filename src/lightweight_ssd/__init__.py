"""lightweight_ssd: train, ablate and compare lightweight single-shot detectors."""

__version__ = "0.1.0"
