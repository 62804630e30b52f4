"""A first crack that is due but hard to hear: the warning, and what bean temperature says."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from roastwatch.app.listening import Listening
from roastwatch.app.station import Station
from roastwatch.entities import BY_KEY
from roastwatch.roast.hearing_notice import AHEAD_S, LASTS_S
from roastwatch.roast.priors import TimePrior
from roastwatch.settings import model as settings
from roastwatch.vocabulary import (
    AudioBlock,
    ComponentState,
    EventKind,
    Hearing,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Reading,
    RoastEvent,
)
from tests.support.radio_model import LOUD, PRESENT, QUIET, RadioModel, room
from tests.unit.test_station_readings import START, Microphone

RATE = 4000


class Kitchen:
    """A station with a radio beside it; its only clock is the sound."""

    def __init__(self, begins: str = "charge", **options: float) -> None:
        self.published: list[RoastEvent] = []
        one = {"name": "roaster", "source": "demo", "roast": {"begins": begins, **options}}
        self.station = Station(
            settings.parse({"stations": [one]}).stations[0], self.published.append
        )
        self.station.detector.select(RadioModel(), "radio")
        first = AudioBlock(0, np.zeros(0, np.float32), 0.0)
        self.sound: Listening = self.station.begin(
            Microphone(RATE, live=False),  # type: ignore[arg-type]
            first,
        )
        self.sound.pipeline.clock.started_at = START
        self._end = 0

    def play(self, *parts: tuple[float, float], block_s: float = 1.0) -> None:
        """Noise: (seconds, RMS) one after another."""
        samples, size = room(list(parts), RATE), round(block_s * RATE)
        for first in range(0, len(samples), size):
            block = AudioBlock(self._end, samples[first : first + size], 0.0)
            self._end = block.end_sample
            self.station.detector.change(self.sound.pipeline)
            self.sound.arrived(block)
            self.station.publish(self.sound.decide(block, self.sound.judge(block)).events)

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self._end / RATE)

    def read(self, bean_c: float) -> None:
        at_s = self._end / RATE
        self.station.read(Reading("roaster", at_s, bean_c), self.now)

    def say(self, kind: InstructionKind) -> None:
        self.station.instruct(Instruction("roaster", kind, Origin.PERSON, self.now))

    def warned_s(self) -> list[float]:
        return [
            (event.decided_at - START).total_seconds()
            for event in self.published
            if event.kind is EventKind.HARD_TO_HEAR
        ]


def test_warning_comes_once_and_two_minutes_before_first_crack_is_due() -> None:
    kitchen = Kitchen()
    kitchen.play((900, PRESENT))
    (at_s,) = kitchen.warned_s()
    assert 390 - AHEAD_S <= at_s <= 390 - 120
    (event,) = (e for e in kitchen.published if e.kind is EventKind.HARD_TO_HEAR)
    assert event.message.startswith("First crack may not be heard. Music or voices are about as")
    assert event.message.endswith("turn them down, or listen yourself.")
    assert event.roast_id == kitchen.station.roast.roast_id


@pytest.mark.parametrize("block_s", [0.1, 0.7])
def test_warning_follows_earlier_roasts_and_the_setting(block_s: float) -> None:
    usual = Kitchen()
    usual.station.learn(TimePrior(300.0, 20.0))
    usual.play((200, LOUD), block_s=block_s)
    assert usual.warned_s()[0] == pytest.approx(280 - AHEAD_S, abs=1.0)
    assert "drown the roaster" in usual.published[-1].message
    chosen = Kitchen(expected_first_crack_s=250.0)
    chosen.station.learn(TimePrior(500.0, 20.0))
    chosen.play((200, LOUD), block_s=block_s)
    assert chosen.warned_s()[0] == pytest.approx(250 - AHEAD_S, abs=1.0)


def test_quiet_room_and_short_radio_warn_of_nothing() -> None:
    kitchen = Kitchen()
    kitchen.play((300, QUIET))
    kitchen.play(*[(3, LOUD), (60, QUIET)] * 5)
    assert kitchen.warned_s() == []


def test_radio_that_is_switched_on_late_warns_after_a_while() -> None:
    kitchen = Kitchen()
    kitchen.play((400, QUIET), (60, LOUD))
    assert 400 + LASTS_S < kitchen.warned_s()[0] < 440


def test_unknown_charge_warns_at_once_and_a_new_roast_warns_again() -> None:
    kitchen = Kitchen(begins="person")
    kitchen.play((60, LOUD))
    assert kitchen.warned_s() == []  # no roast
    kitchen.say(InstructionKind.UNDER_WAY)
    kitchen.play((60, LOUD))
    assert len(kitchen.warned_s()) == 1
    assert 60 + LASTS_S <= kitchen.warned_s()[0] < 60 + LASTS_S + 3
    kitchen.say(InstructionKind.STOP)
    kitchen.say(InstructionKind.UNDER_WAY)
    kitchen.play((60, LOUD))
    assert len(kitchen.warned_s()) == 2


def test_reported_first_crack_needs_no_warning() -> None:
    kitchen = Kitchen()
    kitchen.play((100, LOUD))
    kitchen.say(InstructionKind.FIRST_CRACK_NOW)
    kitchen.play((500, LOUD))
    assert kitchen.warned_s() == []


def test_hearing_is_shown_with_its_reason() -> None:
    kitchen = Kitchen()
    row = BY_KEY["hearing"]
    assert row.attributes_of is not None
    kitchen.play((20, QUIET))
    shown = kitchen.station.snapshot()
    assert (row.value(shown), row.attributes_of(shown)) == ("good", {"reason": ""})
    kitchen.play((30, LOUD))
    shown = kitchen.station.snapshot()
    assert row.value(shown) == "blocked"
    assert row.attributes_of(shown)["reason"].startswith("Music or voices drown")
    kitchen.station.source_health.trouble(ComponentState.RETRYING, "The microphone is gone.")
    shown = kitchen.station.snapshot()
    assert row.value(shown) == "blocked"
    assert row.attributes_of(shown) == {"reason": "The microphone is gone."}
    kitchen.station.source_health.running()
    kitchen.say(InstructionKind.LISTEN_OFF)
    assert row.value(kitchen.station.snapshot()) is None


def roast_with_probe(level: float) -> Kitchen:
    """Twelve degrees a minute from the turning point on, up to 210 °C."""
    kitchen = Kitchen()
    for second in range(0, 720, 2):
        kitchen.play((2, level))
        bean_c = 180.0 - 1.6 * second if second < 60 else 84.0 + 0.2 * (second - 60)
        kitchen.read(bean_c)
    return kitchen


def test_temperature_reports_a_possible_first_crack_that_is_not_heard() -> None:
    kitchen = roast_with_probe(LOUD)
    cracks = [e for e in kitchen.published if e.kind is EventKind.FIRST_CRACK]
    assert [(e.level, e.origin) for e in cracks] == [(Level.POSSIBLE, Origin.TEMPERATURE)]
    (crack,) = cracks
    assert crack.bean_temp_c == pytest.approx(196, abs=1.0)
    assert crack.message.startswith("The beans have reached 196 °C, where first crack often")
    roast = kitchen.station.roast
    assert roast.first_crack is None  # the decision stays with the sound
    heard = roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, kitchen.now, kitchen.now)
    assert heard[0].event_id != crack.event_id
    assert heard[0].message == ""


def test_temperature_says_nothing_while_first_crack_can_be_heard() -> None:
    kitchen = roast_with_probe(QUIET)
    assert EventKind.TURNING_POINT in [event.kind for event in kitchen.published]
    assert [e for e in kitchen.published if e.kind is EventKind.FIRST_CRACK] == []


def test_lost_microphone_warns_once_when_first_crack_is_due() -> None:
    kitchen = Kitchen()
    kitchen.play((250, QUIET))
    kitchen.station.source_health.trouble(ComponentState.RETRYING, "The microphone is gone.")
    pipeline = kitchen.sound.pipeline
    for _ in range(60):
        kitchen.station.tick()
        pipeline.clock.started_at += timedelta(seconds=1)  # time goes on without sound
    warnings = [e for e in kitchen.published if e.kind is EventKind.HARD_TO_HEAR]
    assert [e.message for e in warnings] == [
        "First crack may not be heard. The microphone is gone."
    ]


def test_hearing_ranks_from_good_to_blocked() -> None:
    assert sorted(Hearing, key=lambda one: one.rank) == [
        Hearing.GOOD,
        Hearing.LIMITED,
        Hearing.BLOCKED,
    ]
