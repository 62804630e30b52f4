"""Probabilities as log odds (logits, in nats) and back."""

import math

_NEAREST = 1e-6  # to certainty: greater confidence adds nothing
_LOWEST = -700.0  # below it the exponential overflows


def logit(probability: float) -> float:
    """The log odds of a probability, between -13.8 and 13.8."""
    inside = min(max(probability, _NEAREST), 1 - _NEAREST)
    return math.log(inside / (1 - inside))


def probability(logit: float) -> float:
    """The probability of log odds."""
    return 1 / (1 + math.exp(-max(logit, _LOWEST)))
