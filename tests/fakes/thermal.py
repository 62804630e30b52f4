"""The temperatures of a fake machine: simple, monotonic in heat, at any speed."""

from dataclasses import dataclass


@dataclass
class Thermal:
    """First-order warming of air, then beans. `speed` passes that many seconds in one."""

    speed: float = 1.0
    bean_c: float = 25.0
    air_c: float = 25.0
    drum_turns: bool = True

    def pass_time(
        self, passed_s: float, heat: float, fan: float = 0.0, cooling: float = 0.0
    ) -> None:
        """Heat, fan and cooling as 0 to 1. Full heat settles near 330 °C of air."""
        left_s = passed_s * self.speed
        while left_s > 0:
            step_s = min(left_s, 1.0)
            left_s -= step_s
            settles_c = 25.0 + 300.0 * heat * (1.0 - 0.2 * fan)
            self.air_c += (settles_c - self.air_c) * step_s * (0.02 + 0.03 * cooling)
            self.bean_c += (self.air_c - self.bean_c) * step_s * (0.005 + 0.02 * cooling)
