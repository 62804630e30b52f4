"""What `roastwatch doctor` finds at a real Home Assistant."""

from typing import Any

import pytest

from roastwatch import plugins
from roastwatch.settings import model as settings
from roastwatch.sinks.sink import Finding, SinkContext
from roastwatch.supervise import ComponentHealth
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.support.mqtt import Person

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]


async def checked(kind: str, **options: Any) -> list[Finding]:
    chosen = settings.chosen("sinks", kind, **options)
    context = SinkContext("test", ("roaster",), "en", Person(), ComponentHealth(kind))
    found: list[Finding] = await plugins.load("sinks", kind)(chosen.options, context).check()
    return found


async def test_a_token_is_tried_with_an_event(home: Home, talk: Talk) -> None:
    fired = await talk.subscribe("subscribe_events", event_type="roastwatch_doctor")
    door = {"url": home.assistant.url, "token": home.assistant.token}
    (found,) = await checked("home_assistant", **door)
    assert found.good, found
    assert "the token is accepted, events are fired and received" in found.text
    await talk.until(lambda: fired)
    (found,) = await checked("home_assistant", **(door | {"token": "wrong"}))
    assert found.good is False
    assert "refuses the token" in found.text


async def test_missing_services_and_scenes_are_reported(home: Home, talk: Talk) -> None:
    door = {"url": home.assistant.url, "token": home.assistant.token}
    rules = [{"on": "drop", "scene": "scene.none"}, {"on": "drop", "service": "script.turn_on"}]
    (found,) = await checked("rules", rules=rules, home_assistant=door)
    assert found == Finding(False, "Home Assistant has no scene.none: is the name right?")
    people = [{"companion": ["notify.mobile_app_none"]}]
    (found,) = await checked("phone", people=people, home_assistant=door)
    assert "Home Assistant has no notify.mobile_app_none" in found.text
