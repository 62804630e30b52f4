"""The synthesis of sound: pops, backgrounds, rooms, microphones, distractors, whole roasts."""
