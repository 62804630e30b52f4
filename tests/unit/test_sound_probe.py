"""The bean probe of a demonstration follows its sound, without a guardian."""

from datetime import UTC, datetime

import pytest

from roastwatch.app.service import Service
from roastwatch.app.sound_probe import SoundProbe
from roastwatch.app.station import Station
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.roaster.simulation.thermal import TimedRoast
from roastwatch.settings import model as settings
from roastwatch.settings.model import StationSettings
from roastwatch.vocabulary import Reading

DEMO = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 5}
MODEL = {"type": "transients"}


def station(**options: object) -> StationSettings:
    one = {"name": "kitchen", "source": DEMO, "model": MODEL} | options
    return settings.parse({"stations": [one]}).stations[0]


@pytest.mark.parametrize(
    "probe",
    [
        {"source": DEMO | {"temperatures": True}},
        {"roaster": {"type": "demo", "seed": 3, "first_crack_at_s": 5}},
    ],
)
async def test_the_probe_gives_one_reading_per_second_of_sound(probe: dict[str, object]) -> None:
    made = Station(station(**probe), lambda event: None)
    readings: list[Reading] = []
    made.followers.taken = lambda reading, _at: readings.append(reading)
    with InferencePool() as scoring:
        await made.listen(scoring)
    roast = TimedRoast(5.0)
    assert len(readings) > 60
    wanted = [roast.reading(float(second), "kitchen", 0.0) for second in range(1, 61)]
    assert [one.bean_temp_c for one in readings[:60]] == [one.bean_temp_c for one in wanted]


def test_temperatures_of_the_source_select_the_driver_of_its_name() -> None:
    found = station(source=DEMO | {"temperatures": True}).roaster
    assert found is not None
    same = found.options.model_dump(include={"seed", "first_crack_at_s", "cracks"})
    assert (found.type, same) == ("demo", {"seed": 3, "first_crack_at_s": 5.0, "cracks": True})


def test_a_probe_that_follows_the_sound_has_no_guardian() -> None:
    one = {"name": "kitchen", "source": DEMO, "model": MODEL, "roaster": {"type": "demo"}}
    service = Service(settings.parse({"stations": [one]}))
    assert service.driven == {}
    assert service.stations["kitchen"].snapshot().roaster is None


def test_a_machine_does_not_follow_the_sound() -> None:
    assert SoundProbe.of_station(station(roaster={"type": "simulated"})) is None
    assert SoundProbe.of_station(station()) is None


def test_a_reading_before_the_first_sound_is_kept_as_the_newest() -> None:
    made = Station(station(), lambda event: None, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    made.read(Reading("kitchen", 0.0, 123.0))
    assert made.snapshot().reading == Reading("kitchen", 0.0, 123.0)
    assert not made.has_sound
