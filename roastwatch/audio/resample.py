"""The sample rate for analysis: sound above 48 kHz is resampled to 48 kHz."""

from roastwatch.errors import BadInputError
from roastwatch.resampling import Resampler

__all__ = ["HIGHEST_RATE_HZ", "LOWEST_RATE_HZ", "Resampler", "rate_to_judge"]

LOWEST_RATE_HZ = 8_000
"""Below this nothing of a pop remains, because its energy stands out above 3 kHz.

A model may need more; its `spec` says how much (the shipped one 16 kHz).
"""
ADVISED_HZ = 16_000
HIGHEST_RATE_HZ = 48_000
"""Sound of a higher rate is resampled to this: the band of pops ends below 24 kHz."""


def rate_to_judge(rate_hz: int, what: str) -> int:
    """The rate at which sound of `rate_hz` is analysed.

    Raises:
        BadInputError: the rate is too low for pops; `what` is the subject of the sentence.
    """
    if rate_hz < LOWEST_RATE_HZ:
        raise BadInputError(
            f"{what} has a sample rate of {rate_hz} Hz, which is too low for the sound of a crack: "
            f"record at {ADVISED_HZ} Hz or more, ideally at 32000 Hz or more."
        )
    return min(rate_hz, HIGHEST_RATE_HZ)
