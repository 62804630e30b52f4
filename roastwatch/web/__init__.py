"""SHOW: the program's own page and its API."""
