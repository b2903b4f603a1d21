"""Detection metrics that give the same on one rank and on many: records per image, gathered and scored on rank 0."""
