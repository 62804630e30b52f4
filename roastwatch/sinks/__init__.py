"""Sinks: what sends events and states to people and programs."""
