"""From raw outputs and ground truth to the terms that training minimizes, one family of detectors per file."""
