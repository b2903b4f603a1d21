"""Classification losses, one per file, on independent sigmoids, or on a softmax.

Each is a module without weights: `forward(logits, target_labels)` takes (B, A, C) and (B, A), in which −1 means
background and −2 (`OTHER_CLASS`) an anchor that costs nothing, and returns the loss of each anchor, (B, A), in at least
float32, neither summed nor normalized.
"""
