"""Where limited hearing is shown: analyses, the evaluation, the terminal, MQTT, the HTTP API."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile

from roastwatch.cli import analyze
from roastwatch.entities import OfferedEntities
from roastwatch.evaluation.conditions.results import HEAD, Row, cells
from roastwatch.evaluation.recordings import play
from roastwatch.evaluation.statistics import Judged
from roastwatch.offline.analysis import Analysis, analyze_file
from roastwatch.offline.results import row
from roastwatch.printing.rich_console import Console
from roastwatch.settings import model as settings
from roastwatch.sinks.console import view
from roastwatch.sinks.mqtt.discovery import Reader, device
from roastwatch.sinks.mqtt.states import States
from roastwatch.sinks.mqtt.topics import Topics
from roastwatch.sinks.phone.alerts import PersonOptions, alert, wanted
from roastwatch.upkeep import checks
from roastwatch.vocabulary import (
    AudioBlock,
    EventKind,
    Float32Array,
    Hearing,
    HearingState,
    Level,
    Origin,
    RoastEvent,
    Snapshot,
)
from roastwatch.web.rows import state_row
from tests.support.radio_model import LOUD, PRESENT, QUIET, RadioModel, room

RATE = 8000
AT = datetime(2026, 1, 1, tzinfo=UTC)
RADIO = HearingState(Hearing.LIMITED, "Turn the [radio] down.")
SHOWN = Snapshot("kitchen", AT, hearing=RADIO)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "roast.wav"
    soundfile.write(path, room([(60, QUIET), (60, PRESENT), (90, QUIET)], RATE), RATE)
    return path


def analysed(recording: Path, block: int | None = None) -> Analysis:
    return analyze_file(recording, RadioModel(), block_samples=block)


def test_analysis_says_when_hearing_was_limited_and_why(recording: Path) -> None:
    found = analysed(recording).as_json()
    (one,) = found["hearing"]
    assert one["hearing"] == "limited"
    assert one["reason"].startswith("Music or voices are about as loud")
    assert 60 < one["from_s"] < 70
    assert 160 < one["to_s"] < 190
    assert analysed(recording, 3456).as_json()["hearing"] == [one]
    assert row(found)["hard_to_hear_s"] == pytest.approx(one["to_s"] - one["from_s"])


def test_quiet_recording_lists_no_time_of_limited_hearing(tmp_path: Path) -> None:
    path = tmp_path / "quiet.wav"
    soundfile.write(path, room([(20, QUIET)], RATE), RATE)
    assert analysed(path).as_json()["hearing"] == []


def test_missing_first_crack_in_a_noisy_recording_is_shown_as_not_heard(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = analysed(recording)
    analyze._show(Console(width=200), found)
    shown = capsys.readouterr().out
    assert "first crack was not heard" in shown
    assert "hearing was limited from 1:0" in shown
    assert "turn them down, or listen yourself." in shown
    found.hard_to_hear = []
    analyze._show(Console(width=200), found)
    assert "no first crack" in capsys.readouterr().out


def test_played_roast_knows_whether_it_warned_two_minutes_before() -> None:
    played = play(RadioModel(), RATE, [room([(60, QUIET), (60, LOUD), (90, QUIET)], RATE)])
    assert [played.warned_at(at_s) for at_s in (-20.0, 50.0, 100.0, 200.0)] == [
        False,
        False,
        True,
        False,
    ]


def test_misses_announced_count_among_misses_only() -> None:
    judged = [
        Judged("a", 500, 510, 498, warned=True),
        Judged("b", 500, 300, 290, warned=False),
        Judged("c", 500, None, None, warned=True),
    ]
    found = Row("radio", "music", "recorded", "training", -10.0, judged).as_json()
    assert found["misses_announced"] == 1
    assert cells(found)[HEAD.index("misses announced")] == "1 of 2"


def test_terminal_shows_hearing_only_while_it_is_not_good() -> None:
    console = Console(width=100)
    for snapshot, shown in ((SHOWN, True), (Snapshot("kitchen", AT), False)):
        with console.capture() as captured:
            console.print(view(snapshot))
        text = captured.get()
        assert ("hearing" in text) is shown
        assert ("! Turn the [radio] down." in text) is shown


def test_mqtt_publishes_hearing_and_its_reason() -> None:
    topics = Topics("home")
    topic = "roastwatch/home/kitchen/state/hearing_attributes"
    states = States(topics)
    sent = dict(states.due(SHOWN, {"hearing"}, 0.0))
    assert sent["roastwatch/home/kitchen/state/hearing"] == "limited"
    assert json.loads(sent[topic]) == {"reason": "Turn the [radio] down."}
    assert topic not in dict(states.due(SHOWN, {"hearing"}, 100.0))
    offer = OfferedEntities(frozenset({"hearing"}))
    message = device(topics, "kitchen", "Kitchen", Reader(words=False), offer)
    component = message["components"]["hearing"]
    assert component["json_attributes_topic"] == topic
    assert component["options"] == ["good", "limited", "blocked"]
    message = device(topics, "kitchen", "Kitchen", Reader("de"), offer)
    options = message["components"]["hearing"]["options"]
    assert options == ["Gut", "Eingeschränkt", "Unmöglich"]


def test_http_api_gives_hearing_and_its_reason() -> None:
    values = state_row(SHOWN)
    assert (values["hearing"], values["hearing_reason"]) == ("limited", "Turn the [radio] down.")


def event(kind: EventKind, **changes: object) -> RoastEvent:
    return RoastEvent("1", "kitchen", "r", kind, AT, AT, **changes)  # type: ignore[arg-type]


def test_phone_notifies_of_hard_to_hear_and_of_what_temperature_says() -> None:
    person = PersonOptions()
    warning = event(EventKind.HARD_TO_HEAR, origin=Origin.SOUND, message="It is loud.")
    assert wanted(person, warning, AT)
    said = alert(person, warning, SHOWN, language="de", station_title="Küche", now=AT)
    assert said.title == "First Crack ist schwer zu hören · Küche"
    assert said.text == "It is loud."
    assert [label for _, label in said.actions] == ["Ich höre es"]
    for origin, is_wanted in ((Origin.TEMPERATURE, True), (Origin.SOUND, False)):
        possible = event(EventKind.FIRST_CRACK, level=Level.POSSIBLE, origin=origin)
        assert wanted(person, possible, AT) is is_wanted
    fewer = PersonOptions(events=("first_crack",))
    possible = event(EventKind.FIRST_CRACK, level=Level.POSSIBLE, origin=Origin.TEMPERATURE)
    assert not wanted(fewer, possible, AT)


class Blocks:
    """A source that gives its sound at once."""

    sample_rate_hz = RATE

    def __init__(self, sound: Float32Array, live: bool) -> None:
        self.live = live
        self._sound = sound

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """See the protocol."""
        for first in range(0, len(self._sound), RATE // 10):
            yield AudioBlock(first, self._sound[first : first + RATE // 10], 0.0)


async def doctor_heard(live: bool) -> Hearing:
    source = Blocks(room([(20, LOUD)], RATE), live)
    async with asyncio.timeout(30) as limit:
        _, state, _ = await checks._heard(source, RadioModel(), limit)
    return state.hearing


async def test_doctor_judges_the_room_of_a_live_source() -> None:
    assert await doctor_heard(live=True) is Hearing.BLOCKED
    assert await doctor_heard(live=False) is Hearing.GOOD  # one second says nothing


def test_doctor_reports_a_source_that_is_heard_well() -> None:
    source = settings.chosen("sources", "demo")
    good, text = checks._sound(source, settings.chosen("models", "transients"))
    assert good
    assert text.startswith("demo at ")
