"""Necks, one per file: feature maps of several levels become feature maps of several levels."""
