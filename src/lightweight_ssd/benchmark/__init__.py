"""Measurements beside peers, and the record of them."""
