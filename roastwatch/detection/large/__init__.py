"""Transformers that judge windows, alone or as a verifier, and what runs them."""
