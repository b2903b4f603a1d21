"""Lightning loggers: metrics.csv and Weights & Biases."""
