"""Pictures of data and results: functions from arrays to a matplotlib Figure, or to an image with boxes on it."""
