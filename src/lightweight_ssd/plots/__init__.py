"""Arrays to matplotlib figures, in one style."""
