"""`lssd data check`: finds every problem of a data set and raises none."""
