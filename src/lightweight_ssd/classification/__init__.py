"""Classification losses: `forward(logits (B, A, C), target_labels (B, A)) -> (B, A)`, −1 for background."""
