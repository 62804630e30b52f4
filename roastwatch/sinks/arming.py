"""Arming by a switch takes two steps: turned on, and confirmed by a button within 30 s.

A switch is turned on by areas, groups, scenes and voices, too. The button exists only while a
request waits.
"""

CONFIRM_WITHIN_S = 30.0
CONFIRM_ARMING = "Press Confirm arming within 30 s to arm the roaster."
NOTHING_TO_CONFIRM = "Nothing was armed: turn on Armed first, then confirm within 30 s."


class ArmingRequests:
    """Requests to arm that wait for their confirmation, by station. Times are monotonic."""

    def __init__(self) -> None:
        self._asked_s: dict[str, float] = {}

    def ask(self, station: str, now_s: float) -> None:
        """The switch was turned on."""
        self._asked_s[station] = now_s

    def withdraw(self, station: str) -> None:
        """The switch was turned off, or the roaster was stopped."""
        self._asked_s.pop(station, None)

    def waits(self, station: str, now_s: float) -> bool:
        """Whether a request waits."""
        asked_s = self._asked_s.get(station)
        return asked_s is not None and now_s - asked_s <= CONFIRM_WITHIN_S

    def confirm(self, station: str, now_s: float) -> bool:
        """The button was pressed: whether that arms. A request is confirmed once."""
        waits = self.waits(station, now_s)
        self.withdraw(station)
        return waits
