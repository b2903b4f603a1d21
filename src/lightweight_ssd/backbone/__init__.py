"""Backbones, one per file: an image becomes feature maps of falling resolution."""
