"""The small net that localises pops: features, streaming, its file."""
