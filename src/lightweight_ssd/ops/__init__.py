"""Pure functions on tensors: boxes, box coding, matching, precision under autocast."""
