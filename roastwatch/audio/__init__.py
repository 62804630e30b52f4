"""HEAR: where sound comes from, at what level, and what was lost on the way."""
