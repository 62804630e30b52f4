"""One station's bean curve during roasts: its events, predictions and evidence. Pure.

Joins the growing curve, the priors and the predictions on one clock (UTC), so that a station needs
one call for a reading (`read`), one for an event, and `predicted` for the snapshot.
"""

from datetime import UTC, datetime

from roastwatch.roast.curve import predict as curve_predict
from roastwatch.roast.curve.curve import (
    BETWEEN_ROASTS_S,
    COLDEST_CHARGE_C,
    Curve,
    CurveOptions,
    Found,
)
from roastwatch.roast.curve.predict import FirstCrackModel
from roastwatch.roast.priors import Priors, TemperaturePrior
from roastwatch.vocabulary import EventKind, Evidence, Level, Reading, RoastEvent

OFTEN_FIRST_CRACK_C = 196.0
"""First crack is often near this bean temperature, but probes differ by 10 °C and more."""
_OLD_S = 10.0
"""Older readings say nothing about the present."""

Predicted = tuple[tuple[EventKind, float, float], ...]


class BeanWatch:
    """See the module."""

    def __init__(self, options: CurveOptions, cooling_s: float = BETWEEN_ROASTS_S) -> None:
        """`cooling_s`: seconds for which the machine cools after a roast, if no probe shows it."""
        self.options = options
        self._cooling_s = cooling_s
        self._cools_since_s: float | None = None
        """When the roast ended, while the curve still has its charge."""
        self.curve = Curve(options)
        self.witnesses = Priors()
        self.model: FirstCrackModel | None = None
        self._newest_s: float | None = None
        if options.usual_first_crack_c is not None:
            self.witnesses.temperature = TemperaturePrior(options.usual_first_crack_c)

    def learn(self, model: FirstCrackModel | None) -> None:
        """Take what was learned from earlier roasts; a setting takes precedence."""
        self.model = model
        if model is not None and self.options.usual_first_crack_c is None:
            self.witnesses.temperature = TemperaturePrior(model.crack_c, max(2.0, model.spread_c))

    def read(self, reading: Reading, at: datetime) -> list[Found]:
        """Add a reading; times in the result are seconds of the Unix epoch."""
        at_s = at.timestamp()
        self._newest_s = at_s
        self._forget_when_cooled(at_s)
        found = self.curve.feed(
            at_s, reading.bean_temp_c, reading.environment_temp_c, reading.heater_percent
        )
        self.witnesses.feed(
            at_s, self.curve.bean_temp_c, self.curve.rate_of_rise_c_per_min, reading.crack_count
        )
        return found

    def observe(self, event: RoastEvent) -> None:
        """Take an event that was published, by a person or any detector."""
        if event.revoked:
            return
        happened_s = event.happened_at.timestamp()
        match event.kind:
            case EventKind.CHARGE:
                self._cools_since_s = None
                if self.curve.charged_s != happened_s:
                    self.curve.charge(happened_s)
            case EventKind.DROP if self.curve.dropped_s is None:
                self.curve.drop(happened_s)
            case EventKind.COOL_END | EventKind.STOPPED:
                dropped_s = self.curve.dropped_s
                self._cools_since_s = happened_s if dropped_s is None else dropped_s
            case _:
                pass

    def _forget_when_cooled(self, at_s: float) -> None:
        """Look for the next charge, but not in the fall of a machine whose heat was turned off."""
        if self._cools_since_s is None:
            return
        bean_c = self.curve.bean_temp_c
        cold = bean_c is not None and bean_c < COLDEST_CHARGE_C
        if cold or at_s - self._cools_since_s >= self._cooling_s:
            self.curve.forget(at_s)
            self._cools_since_s = None

    def forget_times(self) -> None:
        """Forget the past after the clock was set: its distance from now is unknown."""
        self.curve, self._newest_s = Curve(self.options), None
        self._cools_since_s = None
        self.witnesses.forget_times()

    def llr(self, now: datetime) -> float:
        """The combined evidence besides sound; 0 if the readings are older than 10 s."""
        return self.witnesses.llr if self._is_fresh(now) else 0.0

    def _is_fresh(self, now: datetime) -> bool:
        return self._newest_s is not None and now.timestamp() - self._newest_s <= _OLD_S

    def evidence(self, now: datetime) -> list[Evidence]:
        """The evidence that changed, for the record."""
        return self.witnesses.news(now)

    @property
    def usual_first_crack_c(self) -> tuple[float, bool]:
        """Bean temperature at first crack, and whether it is set or learned, not a guess."""
        prior = self.witnesses.temperature
        return (prior.usual_c, True) if prior is not None else (OFTEN_FIRST_CRACK_C, False)

    def rising_c(self, now: datetime) -> float | None:
        """The bean temperature after the turning point; None without one, or a fresh reading."""
        known = self.curve.turned_s is not None and self._is_fresh(now)
        return self.curve.bean_temp_c if known else None

    @property
    def is_late(self) -> bool:
        """Whether the beans are hotter than at any earlier first crack."""
        witness = self.witnesses.temperature
        return witness is not None and witness.is_late(self.curve.bean_temp_c)

    def predicted(self, now: datetime, crack: RoastEvent | None) -> Predicted:
        """The next expected event: kind, seconds from the charge, half width of the interval."""
        curve, now_s = self.curve, now.timestamp()
        if curve.charged_s is None or curve.dropped_s is not None:
            return ()
        elapsed_s = now_s - curve.charged_s
        bean_c, ror = curve.bean_temp_c, curve.rate_of_rise_c_per_min
        heard = crack is not None and not crack.revoked and crack.level is not Level.POSSIBLE
        expected: list[tuple[EventKind, float, float]] = []
        if curve.turned_s is not None and curve.dry_s is None:
            dry = curve_predict.reach(elapsed_s, bean_c, ror, self.options.dry_end_c)
            if dry is not None:
                expected.append((EventKind.DRY_END, dry.at_s, dry.half_width_s))
        if not heard and curve.turned_s is not None and bean_c is not None and ror is not None:
            first = self._first_crack(elapsed_s, bean_c, ror)
            if first is not None:
                expected.append((EventKind.FIRST_CRACK, first.at_s, first.half_width_s))
        if heard and crack is not None:
            crack_s = crack.happened_at.timestamp() - curve.charged_s
            left_s = curve_predict.countdown_s(
                elapsed_s,
                crack_s,
                ratio_percent=self.options.wished_development_percent,
                development_s=self.options.wished_development_s,
            )
            if left_s is not None:
                expected.append((EventKind.DROP, elapsed_s + left_s, 0.0))
        return tuple(expected)

    def _first_crack(
        self, elapsed_s: float, bean_c: float, ror: float
    ) -> curve_predict.Prediction | None:
        if self.model is not None and elapsed_s >= curve_predict.FROM_S:
            return self.model.predict(elapsed_s, bean_c, ror)
        if self.options.usual_first_crack_c is not None:
            return curve_predict.reach(elapsed_s, bean_c, ror, self.options.usual_first_crack_c)
        return None


def utc(at_s: float) -> datetime:
    """Seconds of the Unix epoch as UTC."""
    return datetime.fromtimestamp(at_s, UTC)
