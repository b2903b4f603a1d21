"""What `predict` writes of its detections: one module for each kind of file, and the folder that holds them."""
