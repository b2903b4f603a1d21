"""The single-shot detector put together, and its post-processing."""
