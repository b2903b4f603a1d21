"""The single-shot detector put together: its head, anchors and post-processing."""
