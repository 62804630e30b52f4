"""IMAGINE: pops, roaster beds, rooms, microphones, fooling sounds and whole roasts (numpy only)."""
