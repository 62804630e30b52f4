"""Rejects implausible temperatures, and gives the reason.

A value above a probe's range is delivered as it was read: it may be a fire, and the interlocks
must see it. Only implausibly cold values (an open or unused input often reads 0) and non-numbers
are left out.
"""

import math

PLAUSIBLE_MIN_C = 1.0
"""A probe in a running roaster reads no lower."""
JUMP_C = 40.0
JUMP_C_PER_S = 20.0
"""At charge, beans cool a fast probe by about 10 °C/s; a faster change is a corrupt digit."""


def probe_value(
    doubts: dict[str, str], field: str, value_c: float | None, source: str = "The probe"
) -> float | None:
    """The value in °C if it is plausible, else None with the reason in `doubts[field]`."""
    why = None
    if value_c is None or not math.isfinite(value_c):
        why = f"{source} gives no number"
    elif value_c < PLAUSIBLE_MIN_C:
        why = f"{source} reads {value_c:.1f} °C, as an open or unused input does"
    if why is None:
        doubts.pop(field, None)
        return value_c
    doubts[field] = f"{why}: check its plug and the settings."
    return None


class SpikeFilter:
    """Filters one probe's values on a line without a checksum.

    A lost digit (201.3 → 21.3) shows only as a jump, so a jump is accepted once a second value
    agrees with it.
    """

    def __init__(self, doubts: dict[str, str] | None = None, field: str = "") -> None:
        self._last: tuple[float, float] | None = None
        self._doubted: tuple[float, float] | None = None
        self._reasons = {} if doubts is None else doubts
        self._field = field
        self.doubts = 0

    def take(self, value_c: float | None, at_s: float) -> float | None:
        """The value in °C if it is plausible, else None. `at_s` is monotonic seconds."""
        found = probe_value(self._reasons, self._field, value_c)
        if found is None:
            self.doubts += value_c is not None
            return None
        here = (found, at_s)
        if self._last is None or _agree(self._last, here):
            self._last, self._doubted = here, None
            return found
        if self._doubted is not None and _agree(self._doubted, here):
            self._last, self._doubted = here, None
            return found
        self._doubted = here
        self.doubts += 1
        self._reasons[self._field] = (
            f"The probe jumped from {self._last[0]:.0f} to {found:.0f} °C: ignored until a "
            "second value agrees."
        )
        return None


def _agree(before: tuple[float, float], now: tuple[float, float]) -> bool:
    return abs(now[0] - before[0]) <= JUMP_C + JUMP_C_PER_S * max(0.0, now[1] - before[1])
