"""Whether heat has been on, including short dips: pulsed heat is heat too."""

DIP_S = 60.0
"""Heat that is off for less than this is a dip."""


class HeatRun:
    """Follows the heat that is set, percent; `least` and more counts as on."""

    def __init__(self, least: float) -> None:
        self.on = False
        """Heat is on, or has been off for less than a dip."""
        self.now = False
        """Heat is on at this moment."""
        self._least = least
        self._low_since_s: float | None = None

    def add(self, at_s: float, percent: float) -> bool:
        """Take what is set at `at_s`; returns whether heat is on, including dips."""
        self.now = percent >= self._least
        if self.now:
            self.on, self._low_since_s = True, None
        elif self._low_since_s is None:
            self._low_since_s = at_s
        elif at_s - self._low_since_s >= DIP_S:
            self.on = False
        return self.on

    def forget(self) -> None:
        """Forget earlier heat."""
        self.on, self._low_since_s = False, None
