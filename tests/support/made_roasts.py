"""Made-up roasts for tests and for the pictures in the documentation."""

from datetime import UTC, datetime

import numpy as np

from roastwatch.records.record import Properties, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind, Level, Origin

PREHEAT_S = 40.0


def made_roast(
    *,
    seed: int = 0,
    title: str = "Guji, washed",
    first_crack_s: float = 495.0,
    development_s: float = 105.0,
    period_s: float = 1.0,
) -> RoastRecord:
    """A drum roast with falling rate of rise, settings and a crack that swells and fades."""
    rng = np.random.default_rng(seed)
    drop_s = first_crack_s + development_s
    since = np.arange(-PREHEAT_S, drop_s + 90.0, period_s)
    turn_s, low_c = 75.0, 92.0
    rate_c = np.interp(since, [turn_s, 130, first_crack_s - 20, first_crack_s + 25, drop_s],
                       [0, 17.5, 9.8, 8.0, 6.2])  # fmt: skip
    climbing = low_c + np.cumsum(np.where(since >= turn_s, rate_c, 0.0)) * period_s / 60.0
    falling = low_c + (200 - low_c) * np.exp(-np.maximum(since, 0) / 15.0)
    beans = np.maximum(climbing, falling)
    after = since >= drop_s
    beans = np.where(after, 70 + (beans[~after][-1] - 70) * np.exp(-(since - drop_s) / 55), beans)
    around = 205 - 22 * np.exp(-(((since - 70) / 80) ** 2)) + np.clip(since, 0, drop_s) * 0.045
    around = np.where(after, around[~after][-1] - (since - drop_s) * 0.5, around)
    heater = np.select(
        [since < 0, since < 60, since < 250, since < 400, since < first_crack_s, since < drop_s],
        [60, 70, 85, 75, 60, 45],
        0,
    )
    fan = np.select(
        [since < 250, since < 400, since < first_crack_s, since < drop_s], [30, 40, 50, 65], 100
    )
    seconds = np.arange(first_crack_s - 20, drop_s)
    rates = 0.55 * np.exp(-(((seconds - first_crack_s - 38) / 24) ** 2)) + 0.01
    pops = [
        (float(second + rng.random()) + PREHEAT_S, float(rng.uniform(0.7, 1.0)))
        for second, rate in zip(seconds, rates, strict=True)
        for _ in range(rng.poisson(rate))
    ]
    noisy = beans + rng.normal(0, 0.12, len(since))
    dry_s = float(since[(since > turn_s) & (beans >= 150)][0])
    marks = (
        (EventKind.CHARGE, 0.0, Origin.PERSON, None),
        (EventKind.DRY_END, dry_s, Origin.TEMPERATURE, None),
        (EventKind.FIRST_CRACK, first_crack_s, Origin.SOUND, Level.CERTAIN),
        (EventKind.FIRST_CRACK_END, first_crack_s + 78, Origin.SOUND, None),
        (EventKind.DROP, drop_s, Origin.PERSON, None),
    )
    return RoastRecord(
        roast_id=f"made-{seed}",
        title=title,
        started_at=datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC),
        at_s=since + PREHEAT_S,
        columns={
            "bean_temp_c": np.round(noisy, 1),
            "environment_temp_c": np.round(around + rng.normal(0, 0.3, len(since)), 1),
            "heater_percent": heater.astype(np.float64),
            "fan_percent": fan.astype(np.float64),
        },
        events=tuple(
            RecordedEvent(kind, at_s + PREHEAT_S, origin, level=level)
            for kind, at_s, origin, level in marks
        ),
        pops=tuple(sorted(pops)),
        properties=Properties(bean_name="Guji, washed", roaster="1 kg drum", green_weight_g=500),
        station="roaster",
        source_format="live",
    )
