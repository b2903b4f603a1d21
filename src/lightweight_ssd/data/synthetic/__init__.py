"""Drawn data sets: scenes, their textures, and the files that hold them."""
