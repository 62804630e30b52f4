"""stub"""

ATTRIBUTES = ("acidity", "sweetness", "body", "bitterness", "aroma", "aftertaste", "balance")
DEFECTS = ("baked", "underdeveloped", "scorched", "tipped", "quaker", "smoky", "grassy", "musty")
MOST_ATTRIBUTES = 24
MOST_DEFECTS = 24
