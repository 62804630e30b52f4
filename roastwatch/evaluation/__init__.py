"""How good a detector is, with intervals."""
