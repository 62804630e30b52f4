"""How much a plan that comes over the API may hold."""

MOST_PLANS = 500
"""Files in a folder of plans."""
MOST_STEPS = 200
MOST_POINTS = 1000
"""Points of a target, and of a profile that is shown."""
SMALL_POINTS = 60
"""Points of a small curve in the list."""
LONGEST_NAME = 120
