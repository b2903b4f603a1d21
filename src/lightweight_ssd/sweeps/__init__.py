"""Sweeps: one process tree per job, their records, launchers and the live table."""
