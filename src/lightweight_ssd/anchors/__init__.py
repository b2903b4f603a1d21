"""Anchors, one rule per file: the boxes at fixed places, scales and shapes against which objects are predicted."""
