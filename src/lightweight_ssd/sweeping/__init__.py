"""Sweeps: a process tree per job, and a table at the end that leaves nothing out."""
