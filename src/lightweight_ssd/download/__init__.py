"""From a web server to files in their place: fetched, verified, unpacked, each step able to be cut off."""
