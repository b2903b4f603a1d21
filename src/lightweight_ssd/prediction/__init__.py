"""A trained detector for use: loaded from its checkpoint, given images in any form, its detections drawn."""
