"""JUDGE: sound becomes scores and pops, pops become a decision."""
