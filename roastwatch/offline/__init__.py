"""Recordings through the same pipeline: one, many, on many machines."""
