"""Pure functions: boxes, box coding, matching on tensors; resizing and suppression on arrays, without PyTorch."""
