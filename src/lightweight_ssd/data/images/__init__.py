"""Image files: the one reader, the cache of decoded images, and its builder."""
