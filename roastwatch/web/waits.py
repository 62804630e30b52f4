"""How long an answer may wait for the outcome of a request."""

LONGEST_WAIT_S = 10.0
SET_WAITS_S = 2.0
"""Of `set`, unless it is asked otherwise."""
