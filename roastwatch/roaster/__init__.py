"""ACT: the only door to the heater, and the rules that guard it."""
