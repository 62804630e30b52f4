"""UNDERSTAND: phases, curves, the log, and the formats of other programs."""
