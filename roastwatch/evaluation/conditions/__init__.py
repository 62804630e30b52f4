"""Conditions beyond the single roast: a radio, a kitchen, and re-enacted timelines."""
