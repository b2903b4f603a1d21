"""The cost of a detector: parameters, MACs, latency."""
