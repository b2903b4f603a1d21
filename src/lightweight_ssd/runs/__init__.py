"""A run's folder: its name, its lock, what is written into it, and all of it read back."""
