"""Another rate, only when one must change: sound above 48 kHz comes down to 48 kHz."""

from roastwatch.errors import BadInputError
from roastwatch.resampling import Resampler

__all__ = ["HIGHEST_RATE_HZ", "LOWEST_RATE_HZ", "Resampler", "rate_to_judge"]

LOWEST_RATE_HZ = 8_000
"""Below this nothing is left of a pop, whose energy stands out above 3 kHz.

A model may need more: the shipped one 16 kHz, which it says itself.
"""
ADVISED_HZ = 16_000
HIGHEST_RATE_HZ = 48_000
"""Faster sound is resampled to this: a pop's band ends below 24 kHz."""


def rate_to_judge(rate_hz: int, what: str) -> int:
    """The rate at which sound of `rate_hz` is handed on.

    Raises:
        BadInputError: the rate is too low to hold pops; `what` begins the sentence.
    """
    if rate_hz < LOWEST_RATE_HZ:
        raise BadInputError(
            f"{what} has a sample rate of {rate_hz} Hz, too low to hold the sound of a crack: "
            f"record at {ADVISED_HZ} Hz or more, best at 32000 Hz or more."
        )
    return min(rate_hz, HIGHEST_RATE_HZ)
