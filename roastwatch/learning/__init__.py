"""Fitting decision and net to one person's roasts."""
