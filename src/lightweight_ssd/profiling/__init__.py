"""What a detector costs: parameters, multiply-adds, latency."""
