"""stub"""

SORTS = ("started_at", "title", "bean", "duration", "first_crack", "development", "score",
         "weight_loss")  # fmt: skip
