"""Figures of merit, safe over ranks: each metric gathers records per image and computes on rank 0."""
