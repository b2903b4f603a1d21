"""Plots: arrays to matplotlib figures, in one style."""
