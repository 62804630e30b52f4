"""How much a request about recorded roasts may ask for."""

SOUND_S = 60.0
"""Of sound in one answer."""
SPECTROGRAM_S = 120.0
"""Of a spectrogram in one answer."""
LONGEST_PAGE = 100
"""Roasts in one page of the list."""
MOST_POINTS = 2000
"""Points of a curve."""
SMALL_POINTS = 60
"""Points of a small curve in the list."""
MOST_POPS = 5000
"""Pops of a roast: the most probable."""
LONGEST_REVIEW = 100
"""Moments in one answer of the review queue."""
MOST_NAMES = 200
"""Names of beans to filter by."""
MOST_ATTRIBUTES = 24
MOST_DEFECTS = 24
"""Of a tasting."""
LONGEST_NOTES = 10_000
