"""Measurements beside other libraries, and their record."""
