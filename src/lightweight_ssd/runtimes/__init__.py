"""Exported detectors, read and run without PyTorch: the card beside the file, and a runtime for each format."""
