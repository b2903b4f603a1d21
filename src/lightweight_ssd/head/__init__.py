"""The predictors on the feature maps, one kind per file: what a detector says of every anchor, and what that means."""
