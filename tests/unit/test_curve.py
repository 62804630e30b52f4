"""Bean curves: rates of rise, events of a growing curve, predictions, faults, priors."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.records import formats
from roastwatch.records.metrics import metrics
from roastwatch.records.record import Column, RecordedEvent, RoastRecord
from roastwatch.roast.curve import predict as curve_predict
from roastwatch.roast.curve import rate_of_rise as curve_ror
from roastwatch.roast.curve.curve import Curve, CurveOptions, Found, find_charge
from roastwatch.roast.curve.faults import faults
from roastwatch.roast.priors import CounterPrior, Priors, TemperaturePrior
from roastwatch.vocabulary import EventKind, EvidenceKind


def drum(
    charge_s: float = 60.0,
    drop_s: float = 660.0,
    *,
    step_c: float = 0.1,
    rising: float = 12.0,
    hot_c: float = 180.0,
) -> tuple[Column, Column, Column]:
    """Times, beans, environment of a synthetic drum roast, rounded to a probe's step."""
    at_s = np.arange(0.0, drop_s + 120.0)
    since = at_s - charge_s
    beans = np.where(since < 0, hot_c, 0.0)
    low_c = 90.0
    falling = low_c + (hot_c - low_c) * np.exp(-np.maximum(since, 0) / 18.0)
    climbing = low_c + rising / 60.0 * np.maximum(since - 70.0, 0.0)
    beans = np.where(since >= 0, np.maximum(falling, climbing), beans)
    after = at_s >= drop_s
    top = climbing[int(drop_s)]
    beans = np.where(after, 60 + (top - 60) * np.exp(-(at_s - drop_s) / 60.0), beans)
    around = np.where(since < 0, 210.0, 190.0 + np.maximum(since, 0) * 0.08)
    return at_s, np.round(beans / step_c) * step_c, around


def run(curve: Curve, at_s: Column, beans: Column, around: Column | None = None) -> list[Found]:
    found: list[Found] = []
    for n, when in enumerate(at_s.tolist()):
        found += curve.feed(when, float(beans[n]), None if around is None else float(around[n]))
    return found


@pytest.mark.parametrize("step_c", [0.1, 1.0])
def test_curve_alone_gives_every_event(step_c: float) -> None:
    found = {f.kind: f for f in run(Curve(), *drum(step_c=step_c))}
    assert set(found) == {
        EventKind.CHARGE,
        EventKind.TURNING_POINT,
        EventKind.DRY_END,
        EventKind.DROP,
    }
    assert found[EventKind.CHARGE].happened_s == pytest.approx(60, abs=5)
    assert len(found[EventKind.CHARGE].signals) >= 2
    assert found[EventKind.TURNING_POINT].happened_s == pytest.approx(135, abs=12)
    # 150 °C: 60 °C above the lowest at 12 °C/min, from 70 s after charge on.
    assert found[EventKind.DRY_END].happened_s == pytest.approx(60 + 70 + 300, abs=6)
    assert found[EventKind.DROP].happened_s == pytest.approx(660, abs=5)
    assert len(found[EventKind.DROP].signals) >= 2


def test_late_charge_is_evaluated_from_its_time() -> None:
    at_s, beans, _ = drum()
    curve = Curve(CurveOptions(detect_charge=False))
    found = run(curve, at_s[:150], beans[:150])
    assert found == []
    curve.charge(60.0)
    found = run(curve, at_s[150:500], beans[150:500])
    assert [f.kind for f in found] == [EventKind.TURNING_POINT, EventKind.DRY_END]


def test_single_signal_does_not_end_a_roast() -> None:
    """A whole-degree probe that jumps down for some seconds must not be a drop."""
    at_s, beans, _ = drum(step_c=1.0)
    dipped = beans.copy()
    dipped[500:512] -= 8.0
    kinds = [f.kind for f in run(Curve(), at_s[:640], dipped[:640])]
    assert EventKind.DROP not in kinds


def test_dropouts_and_implausible_values_change_little() -> None:
    at_s, beans, around = drum()
    broken = beans.copy()
    broken[::7] = np.nan
    broken[::31] = -999.0
    broken[205::53] = 3000.0
    curve, clean = Curve(), Curve()
    run(curve, at_s[:500], broken[:500], around)
    run(clean, at_s[:500], beans[:500], around)
    assert curve.rate_of_rise_c_per_min == pytest.approx(12, abs=0.5)
    assert curve.bean_temp_c == pytest.approx(clean.bean_temp_c, abs=0.5)
    assert curve.turned_s == pytest.approx(clean.turned_s, abs=8)


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=120), st.floats(0.01, 30))
def test_curve_accepts_any_readings(values: list[float | None], period_s: float) -> None:
    curve = Curve()
    for n, value in enumerate(values):
        curve.feed(n * period_s, value, value)
    ror = curve.rate_of_rise_c_per_min
    assert ror is None or np.isfinite(ror)


def test_whole_degree_steps_show_in_artisans_rate_only() -> None:
    at_s, beans, _ = drum(step_c=1.0, rising=7.0)
    inside = (at_s > 300) & (at_s < 600)
    theirs = curve_ror.artisan(at_s, beans)[inside]
    ours = curve_ror.robust(at_s, beans)[inside]
    assert np.std(ours) < 0.5 * np.std(theirs)
    assert np.median(ours) == pytest.approx(7, abs=0.2)


def test_artisan_rate_is_the_difference_over_its_span() -> None:
    at_s = np.arange(0.0, 60.0, 2.0)
    rate = curve_ror.artisan(at_s, 100.0 + at_s / 6.0, 20.0)
    assert np.isnan(rate[9])
    assert rate[10:] == pytest.approx(10.0)


def test_unreported_charge_is_found_in_the_curve() -> None:
    at_s, beans, _ = drum(charge_s=200)
    charged_s = find_charge(at_s, beans)
    assert charged_s == pytest.approx(200, abs=3)
    assert find_charge(at_s[:150], beans[:150]) is None


def as_record(rising: float, crack_c: float, name: str = "r") -> RoastRecord:
    at_s, beans, _ = drum(rising=rising)
    crack_s = float(at_s[(at_s > 150) & (beans >= crack_c)][0])
    return RoastRecord(
        name, "", None, at_s, {"bean_temp_c": beans},
        (RecordedEvent(EventKind.CHARGE, 60.0), RecordedEvent(EventKind.FIRST_CRACK, crack_s),
         RecordedEvent(EventKind.DROP, 660.0)),
    )  # fmt: skip


def test_first_crack_is_predicted_from_earlier_roasts() -> None:
    records = [as_record(rising, 172 + n % 3) for n, rising in enumerate((10, 10.5, 11, 12, 13))]
    pasts = [p for r in records if (p := curve_predict.past(r))]
    model = curve_predict.FirstCrackModel.fit(pasts)
    assert model is not None
    new = curve_predict.past(as_record(11.5, 173))
    assert new is not None
    now_s = new.first_crack_s - 120
    known = curve_predict.state(new.times, new.beans, now_s)
    assert known is not None
    predicted = model.predict(now_s, *known)
    assert predicted is not None
    assert predicted.at_s == pytest.approx(new.first_crack_s, abs=15)
    assert curve_predict.FirstCrackModel.fit(pasts[:3]) is None
    report = curve_predict.leave_one_out(pasts)
    assert report is not None
    assert report.median_error_s < report.naive_median_error_s


def test_countdown_to_a_target_development() -> None:
    assert curve_predict.drop_for_ratio(480, 20) == pytest.approx(600)
    assert curve_predict.countdown_s(570, 480, ratio_percent=20) == pytest.approx(30)
    assert curve_predict.countdown_s(570, 480, development_s=60) == pytest.approx(-30)
    assert curve_predict.countdown_s(570, 480) is None
    soon = curve_predict.reach(300, 140, 12, 150)
    assert soon is not None
    assert soon.at_s == pytest.approx(350)
    assert curve_predict.reach(300, 140, 0.5, 150) is None


def test_crash_and_flick() -> None:
    at_s = np.arange(0.0, 620.0)
    ror = np.full(len(at_s), 10.0)
    ror[480:520] = np.linspace(10, 3, 40)
    ror[520:560] = 3.0
    ror[560:] = np.linspace(3, 9, 60)
    beans = 80 + np.cumsum(ror / 60.0)
    record = replace(
        as_record(12, 170), at_s=at_s, columns={"bean_temp_c": beans},
        events=(RecordedEvent(EventKind.CHARGE, 0), RecordedEvent(EventKind.FIRST_CRACK, 480),
                RecordedEvent(EventKind.DROP, 615)),
    )  # fmt: skip
    assert [fault.kind for fault in faults(record)] == ["crash", "flick"]
    steady = replace(record, columns={"bean_temp_c": 80 + at_s / 6.0})
    assert faults(steady) == []


def test_priors_advance_and_delay_but_are_recorded_separately() -> None:
    witness = TemperaturePrior(usual_c=180.0)
    assert witness.feed(0, 100.0, 12.0) == -4.0
    assert -4.0 < witness.feed(1, 170.0, 12.0) < 0.0
    assert witness.feed(2, 180.0, 12.0) == 1.0
    for n in range(30):
        witness.feed(10 + n, 181.0, 12.0 - n * 0.2)
    assert witness.feed(41, 181.0, 6.0) == 2.0
    assert witness.is_late(195.0)
    assert not witness.is_late(190.0)
    counter = CounterPrior()
    assert counter.feed(0, None) == 0.0
    assert counter.feed(1, 0) == 0.0
    assert counter.feed(5, 3) == pytest.approx(2.0)
    assert counter.feed(60, 3) == 0.0
    both = Priors(TemperaturePrior(180.0))
    both.feed(0, 180.0, 10.0, 0)
    both.feed(1, 180.0, 10.0, 3)
    assert both.llr == pytest.approx(3.0)
    kinds = {evidence.kind for evidence in both.news(datetime(2026, 1, 1, tzinfo=UTC))}
    assert kinds == {EvidenceKind.TEMPERATURE, EvidenceKind.COUNTER}
    assert both.news(datetime(2026, 1, 1, tzinfo=UTC)) == []


def test_turning_point_of_real_roasts(shared: Path) -> None:
    files = sorted((shared / "data/telemetry/artisan").glob("*.alog"))[::4]
    found = 0
    for file in files:
        record = formats.read_file(file)
        figures = metrics(record)
        assert record.charge_s is not None
        assert figures.turning_point_s is not None
        curve = Curve(CurveOptions(detect_charge=False, detect_drop=False))
        curve.charge(record.charge_s)
        run(curve, record.at_s, record.bean_temp_c)
        turned = curve.turned_s
        if turned is not None and abs(turned - record.charge_s - figures.turning_point_s) < 3:
            found += 1
    assert found >= len(files) - 1


@pytest.mark.verify
def test_charges_and_drops_of_real_roasts_are_found(shared: Path) -> None:
    """Prints the figures of docs/development/roast-log.md: what the curve alone finds."""
    seen: set[str] = set()
    charges: list[float | None] = []
    drops: list[float | None] = []
    telemetry = shared / "data/telemetry"
    for file in [
        *sorted(telemetry.glob("artisan/*.alog")),
        *sorted(telemetry.glob("hottop/*.csv")),
    ]:
        record = formats.read_file(file)
        if record.fingerprint() in seen or record.charge_s is None:
            continue
        seen.add(record.fingerprint())
        around = record.columns.get("environment_temp_c")
        found = run(Curve(), record.at_s, record.bean_temp_c, around)
        for kind, off in ((EventKind.CHARGE, charges), (EventKind.DROP, drops)):
            event = record.event(kind)
            assert event is not None
            first = next((f for f in found if f.kind is kind), None)
            off.append(None if first is None else abs(first.happened_s - event.at_s))
    for name, off in (("charge", charges), ("drop", drops)):
        known = [seconds for seconds in off if seconds is not None]
        within = {limit: sum(s <= limit for s in known) for limit in (3, 10, 15)}
        print(
            f"\n{name}: {len(off)} roasts, found within 3/10/15 s: {list(within.values())}, "
            f"further off: {len(known) - within[15]}, not found: {len(off) - len(known)}"
        )
    assert sum(s is not None and s <= 15 for s in charges) >= 38
