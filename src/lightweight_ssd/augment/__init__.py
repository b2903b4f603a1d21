"""Augmentation: one recipe class (`pipeline.Pipeline`) and one module per step."""
