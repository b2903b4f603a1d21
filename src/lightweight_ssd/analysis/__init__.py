"""What a finished run's detections say beyond its mAP: functions on an `EvaluatedSet`, without a model."""
