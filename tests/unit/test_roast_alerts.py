"""All that one person's phone gets in a whole roast: each is news, and none is repeated.

The real service in virtual time. Boundaries are Home Assistant, to which the companion app
belongs, the microphone, and the guardian of the roaster, whose notices are given.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roastwatch.app.listening import Listening
from roastwatch.app.roaster_notices import RoasterNotices
from roastwatch.app.service import Service
from roastwatch.app.station import Station
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.roaster.client.control import GuardianNotice
from roastwatch.settings import model as settings
from roastwatch.vocabulary import (
    Actuator,
    ComponentState,
    EventKind,
    Hearing,
    HearingState,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Phase,
    Reading,
    RoasterState,
)
from tests.fakes.home_assistant import FakeHomeAssistant, home_assistant
from tests.fakes.virtual_time import VirtualLoop
from tests.support.until import until
from tests.unit.test_station_readings import sound

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "phone-alerts.md"
PIXEL = "notify.mobile_app_pixel"
SOUNDS = {
    "alarm_stream": "alarm",
    "roastwatch": "sound",
    "roastwatch_information": "quiet sound",
    "roastwatch_silent": "silent",
}


class Deaf(Service):
    """A service whose microphone brings a first block of sound and no more."""

    sounds: Listening

    async def _listen(self, station: Station, scoring: InferencePool) -> None:
        self.sounds = sound(station)
        await asyncio.Event().wait()


@dataclass
class Kitchen:
    """A station, what happens there, and the phone."""

    service: Deaf
    home: FakeHomeAssistant
    began_s: float = 0.0
    emergency: bool = False
    pushed: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """Seconds from charge, and the data of the notify service."""

    def __post_init__(self) -> None:
        self.station = self.service.stations["kitchen"]
        self.notices = RoasterNotices(self.station)
        self.station.roaster_state = lambda: RoasterState(
            True, True, emergency=self.emergency, actuators=(Actuator.HEATER, Actuator.DOOR)
        )
        self.home.called = lambda _service, data: self.pushed.append((self.now_s, data))

    @property
    def now_s(self) -> float:
        """Seconds from charge."""
        return time.monotonic() - self.began_s

    async def at(self, seconds: float) -> None:
        """Wait; the beans get hotter."""
        while self.now_s < seconds - 0.001:
            await asyncio.sleep(min(5.0, seconds - self.now_s))
            if self.station.roast.active:
                hot = Reading("kitchen", time.monotonic(), 100.0 + self.now_s / 6.0)
                self.station.read(hot)

    def press(self, kind: InstructionKind) -> None:
        """On the dashboard."""
        now = datetime.now(UTC)
        self.service.instruct(Instruction("kitchen", kind, Origin.PERSON, now))

    async def tap(self, button: str) -> None:
        """On the newest notification that has this button."""
        actions = [one for _, data in self.pushed for one in data["data"].get("actions", ())]
        action = next(one["action"] for one in reversed(actions) if one["title"] == button)
        await self.home.fire("mobile_app_notification_action", {"action": action})

    def crack(self, level: Level) -> None:
        """The detector decides."""
        now = self.station.now()
        self.station.publish(self.station.roast.crack(EventKind.FIRST_CRACK, level, now, now))

    def guard(self, kind: str, message: str, interlock: str | None = None) -> None:
        """The guardian reports."""
        self.notices.happened(GuardianNotice(kind, message, interlock))

    async def music(self, until_s: float) -> None:
        """It plays beside the roaster."""
        state = HearingState(Hearing.LIMITED, "Music or voices are as loud as the roaster.")
        while self.now_s < until_s:
            self.station.publish(self.service.sounds.warn(self.station.now(), state))
            await self.at(self.now_s + 5)


@contextlib.asynccontextmanager
async def kitchen(**person: Any) -> AsyncIterator[Kitchen]:
    async with home_assistant() as home:
        home.services.append(PIXEL)
        phone = {
            "type": "phone",
            "home_assistant": {"url": home.url, "token": "t"},
            "people": [{"name": "ada", "companion": [PIXEL]} | person],
        }
        station = {"name": "kitchen", "source": "demo", "roast": {"cooling_s": 60}}
        service = Deaf(settings.parse({"stations": [station], "sinks": [phone]}))
        made = Kitchen(service, home)
        running = asyncio.create_task(service.run())
        try:
            await until(lambda: home.heard and made.station.has_sound)
            made.began_s = time.monotonic()
            made.press(InstructionKind.CHARGE)
            yield made
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def whole(made: Kitchen) -> None:
    await made.at(240)
    await made.music(300)
    made.guard("corrected", "Fan raised to 20 %: heat needs air.", "fan_min")
    await made.at(500)
    made.crack(Level.POSSIBLE)
    await made.at(510)
    made.crack(Level.FIRST_CRACK)
    await made.at(520)
    made.crack(Level.CERTAIN)
    await made.at(530)
    await made.tap("I hear it")
    await made.at(590)
    made.press(InstructionKind.DROP)
    await made.at(680)


async def stopped(made: Kitchen) -> None:
    await made.at(300)
    made.emergency = True
    made.press(InstructionKind.EMERGENCY_STOP)
    made.guard("interlock", "Emergency stop.", "emergency_stop")
    await made.at(400)
    made.press(InstructionKind.STOP)
    await made.at(405)


async def deaf(made: Kitchen) -> None:
    health = made.station.source_health
    await made.at(200)
    health.trouble(ComponentState.RETRYING, "The microphone was lost: check its plug.")
    await made.at(260)
    health.running()
    await made.at(480)
    made.crack(Level.FIRST_CRACK)
    await made.at(485)
    await made.tap("Not a crack")
    await made.at(520)
    made.crack(Level.CERTAIN)
    await made.at(560)
    made.press(InstructionKind.DROP)
    await made.at(680)


async def played(story: Callable[[Kitchen], Awaitable[None]], **person: Any) -> Kitchen:
    async with kitchen(**person) as made:
        await story(made)
    return made


def shown(made: Kitchen) -> list[str]:
    """The rows of a table: minute, what the phone shows, buttons, and how it sounds."""
    rows: list[str] = []
    titles: dict[str, str] = {}
    # what comes in the same second comes in any order
    cleared = "clear_notification"
    in_order = sorted(made.pushed, key=lambda one: (round(one[0]), one[1]["message"] != cleared))
    for at_s, message in in_order:
        data, tag = message["data"], message["data"]["tag"]
        minute = f"{round(at_s) // 60}:{round(at_s) % 60:02}"
        if message["message"] == cleared:
            if tag in titles:
                rows.append(f"| {minute} | *{titles.pop(tag)}* is removed | | |")
        elif not data.get("live_update"):
            title = message["title"].removesuffix(" · kitchen")
            grows = f", replaces *{titles[tag]}*" if tag in titles else ""
            titles[tag] = title
            buttons = ", ".join(one["title"] for one in data["actions"])
            heard = SOUNDS[data["channel"]] + grows
            rows.append(f"| {minute} | **{title}**: {message['message']} | {buttons} | {heard} |")
    return rows


@pytest.mark.parametrize(
    ("story", "person"),
    [
        (whole, {"development_s": 75.0, "first_crack_from": "possible"}),
        (stopped, {}),
        (deaf, {}),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_phone_gets_each_news_of_a_roast_once(
    story: Callable[[Kitchen], Awaitable[None]], person: dict[str, Any]
) -> None:
    with contextlib.closing(VirtualLoop()) as loop:
        made = loop.run(played(story, **person))
    table = "\n".join(shown(made))
    assert table in PAGE.read_text(), table
    assert made.station.roast.phase is Phase.IDLE


def test_correction_stays_though_the_alert_before_it_is_removed_slowly() -> None:
    async def denied(made: Kitchen) -> None:
        made.home.takes_s = lambda data: 3.0 if data["message"] == "clear_notification" else 0.0
        await made.at(480)
        made.crack(Level.FIRST_CRACK)
        await made.at(485)
        await made.tap("Not a crack")
        await made.at(500)

    with contextlib.closing(VirtualLoop()) as loop:
        made = loop.run(played(denied))
    newest = {data["data"]["tag"]: data for _, data in made.pushed}
    [crack] = [data for tag, data in newest.items() if "first_crack" in tag]
    assert crack["title"] == "False alarm: no first crack · kitchen"


@pytest.mark.parametrize(("until_s", "offered"), [(540, True), (620, False), (800, False)])
def test_late_alert_offers_drop_only_in_its_own_roast(until_s: float, offered: bool) -> None:
    async def offline(made: Kitchen) -> None:
        made.home.services.clear()
        await made.at(480)
        made.crack(Level.FIRST_CRACK)
        await made.at(min(until_s, 590))
        if until_s > 590:
            made.press(InstructionKind.DROP)
            await made.at(min(until_s, 700))
        if until_s > 700:
            made.press(InstructionKind.CHARGE)  # of the next roast
            await made.at(until_s)
        made.home.services.append(PIXEL)
        await made.at(until_s + 65)

    with contextlib.closing(VirtualLoop()) as loop:
        made = loop.run(played(offline))
    [crack] = [data for _, data in made.pushed if data.get("title") == "First crack · kitchen"]
    assert ("Drop" in {one["title"] for one in crack["data"]["actions"]}) is offered
