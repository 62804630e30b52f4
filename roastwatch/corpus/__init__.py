"""Labelled recordings: where they come from and how they are listed."""
