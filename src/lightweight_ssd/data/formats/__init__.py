"""Annotation files to packed annotations and back: VOC's XML and devkit, COCO's instances and results."""
