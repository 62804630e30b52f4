"""Benchmarks: time and memory of a model and of the whole path on this machine."""
