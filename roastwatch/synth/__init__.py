"""IMAGINE: roasts, rooms and fooling sounds made from numbers, with numpy alone."""
