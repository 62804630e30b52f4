"""From pops to first crack: evidence, thresholds, onset."""
