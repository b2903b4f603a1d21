"""What lies on disk: the annotation formats of VOC and COCO, read, checked, written and converted."""
