"""What the benchmarks measure with, and how a detector's size, time and memory are found."""
