"""Entities over HTTP and the WebSocket: lists, values at the pace of MQTT, slow clients."""

import json
from dataclasses import replace
from typing import Any

import aiohttp
import jsonschema
import pytest

from roastwatch.entities import ENTITIES
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import Actuator, Phase, Reading, Snapshot
from roastwatch.web import openapi
from roastwatch.web.entity_list import EntityLists
from roastwatch.web.entity_values import EntityValues
from roastwatch.web.live import Live, LiveOutbox
from tests.support.events import event, reading, roaster, snapshot
from tests.support.http import Person, serving
from tests.unit.test_web_live import TOKEN, checked, connected, shown


class Station:
    """One station's live values, with a clock of the test's own."""

    def __init__(self) -> None:
        self.now_s, self.waits = 0.0, False
        context = SinkContext(
            "home", ["kitchen"], "de", Person(), ComponentHealth("rest"),
            roasters={"kitchen": "hottop"},
        )  # fmt: skip
        self.lists = EntityLists(context)
        self.values = EntityValues(
            self.lists, lambda _station: self.waits, context.said, lambda: self.now_s
        )
        self.live = Live(["kitchen"], {}, self.values)

    def join(self) -> LiveOutbox:
        outbox = self.live.join()
        self.live.watch_entities(outbox, wanted=True)
        return outbox

    def show(self, one: Snapshot) -> None:
        self.live.show({"kitchen": one})

    def row(self, one: Snapshot) -> dict[str, Any]:
        found: dict[str, Any] = self.lists.document("i", [one])["stations"]["kitchen"]
        return found


async def taken(live: Live, outbox: LiveOutbox) -> list[dict[str, Any]]:
    """The messages about entities that wait, as the client would send them."""
    found = []
    while outbox.waits:
        text = await outbox.take()
        if text is None:
            live.give_entities(outbox)
            continue
        assert isinstance(text, str)
        message = checked(text)
        if message["type"] == "entities":
            found.append(message)
    return found


ROASTS = snapshot("kitchen", phase=Phase.DRYING, roast_id="r", elapsed_s=10.0, listening=True)


async def test_all_values_come_first_and_then_those_that_changed() -> None:
    station = Station()
    station.show(ROASTS)
    outbox = station.join()
    (first,) = await taken(station.live, outbox)
    assert first["whole"]
    listed = station.row(ROASTS)
    assert first["revision"] == listed["revision"]
    assert set(first["values"]) == {one["key"] for one in listed["entities"]}
    assert first["values"]["phase"] == {"value": "drying", "available": True}
    assert first["values"]["listening"]["value"] is True
    assert first["values"]["first_crack_at"]["value"] is None
    assert first["values"]["hearing"]["attributes"] == {"reason": ""}
    assert first["values"]["drop"] == {"value": None, "available": True}
    station.now_s = 1.0
    station.show(replace(ROASTS, phase=Phase.MAILLARD, level=None))
    (change,) = await taken(station.live, outbox)
    assert not change["whole"]
    assert change["values"]["phase"]["value"] == "maillard"
    assert not change["values"]["level"]["available"]  # there is no sound
    assert "listening" not in change["values"]


async def test_values_change_as_rarely_as_over_mqtt() -> None:
    station = Station()
    station.show(ROASTS)
    outbox = station.join()
    await taken(station.live, outbox)
    seen: list[tuple[int, float]] = []
    for second in range(1, 9):
        station.now_s = float(second)
        station.show(replace(ROASTS, elapsed_s=10.0 + second))
        seen += [
            (second, one["values"]["elapsed"]["value"]) for one in await taken(station.live, outbox)
        ]
    assert seen == [(2, 12.0), (4, 14.0), (6, 16.0), (8, 18.0)]


async def test_nothing_is_made_while_nobody_asks() -> None:
    station = Station()
    made: list[Snapshot] = []
    row = ENTITIES[1]
    station.live.join()  # a client that did not subscribe
    station.values.look = made.append  # type: ignore[method-assign,assignment]
    station.show(replace(ROASTS, phase=Phase.IDLE))
    assert row.key == "phase"
    assert not made


async def test_a_slow_client_gets_the_newest_of_each_value() -> None:
    station = Station()
    station.show(ROASTS)
    outbox = station.join()
    await taken(station.live, outbox)
    for changes, whole in ((50, False), (300, True)):  # as many as wait, and more
        for number in range(changes):
            station.now_s += 100.0
            station.show(replace(ROASTS, elapsed_s=100.0 * number, listening=number % 2 == 0))
        (merged,) = await taken(station.live, outbox)
        assert merged["values"]["elapsed"]["value"] == 100.0 * (changes - 1)
        assert merged["whole"] is whole
    assert outbox.overflows == 1


async def test_a_list_that_changed_has_another_revision_and_all_values() -> None:
    station = Station()
    station.show(ROASTS)
    outbox = station.join()
    (first,) = await taken(station.live, outbox)
    assert "heater" not in first["values"]
    state = roaster(Actuator.HEATER, Actuator.DOOR)
    hot = replace(ROASTS, roaster=state, reading=reading("kitchen", heater_percent=40.0))
    station.show(hot)
    (second,) = await taken(station.live, outbox)
    assert second["whole"]
    assert second["revision"] != first["revision"]
    assert second["values"]["heater"] == {"value": 40.0, "available": True}
    listed = station.row(hot)
    assert listed["revision"] == second["revision"]
    assert listed["device"]["roaster"] == "hottop"
    lost = replace(hot, roaster=replace(state, connected=False), reading=None)
    station.show(lost)
    (third,) = await taken(station.live, outbox)
    assert third["revision"] == second["revision"]  # what is unknown now stays
    assert third["values"]["heater"] == {"value": None, "available": False}
    assert "available" in third["values"]["heater"]
    profiles = replace(hot, profiles=("no profile", "a"), profile="a")
    station.show(profiles)
    (fourth,) = await taken(station.live, outbox)
    listed = station.row(profiles)
    assert listed["revision"] == fourth["revision"] != third["revision"]
    (chosen,) = [one for one in listed["entities"] if one["key"] == "profile"]
    assert chosen["options"] == ["no profile", "a"]


def test_what_is_not_known_yet_is_neither_listed_nor_gone() -> None:
    station = Station()
    away = replace(ROASTS, roaster=roaster(connected=False))
    listed = station.row(away)
    keys = {one["key"] for one in listed["entities"]}
    assert {"heater", "bean_temperature", "expected_drop"} <= set(listed["undecided"])
    assert not keys & set(listed["undecided"])
    listed = station.row(replace(ROASTS, roaster=roaster(Actuator.FAN)))
    keys = {one["key"] for one in listed["entities"]}
    assert "fan" in keys
    assert "heater" not in keys | set(listed["undecided"])


async def test_a_request_to_arm_shows_its_button_and_says_so() -> None:
    station = Station()
    ready = replace(ROASTS, roaster=roaster(Actuator.HEATER))
    station.show(ready)
    outbox = station.join()
    (first,) = await taken(station.live, outbox)
    assert not first["values"]["confirm_arming"]["available"]
    station.waits = True
    station.live.show_entities()
    (asked,) = await taken(station.live, outbox)
    assert asked["values"]["confirm_arming"]["available"]
    assert "bestätigen" in asked["values"]["last_refusal"]["value"]
    listed = {one["key"]: one for one in station.row(ready)["entities"]}
    assert listed["arm"]["confirmed_by"] == "confirm_arming"
    assert [key for key, one in listed.items() if one["confirmed_by"]] == ["arm"]


async def test_the_socket_sends_entities_to_those_who_ask() -> None:
    async with serving() as api, connected(api, 2) as (asks, other):
        await asks.receive_str()
        await other.receive_str()
        await asks.send_str('{"type": "subscribe", "entities": true}')
        first = checked(await asks.receive_str())
        assert (first["type"], first["whole"]) == ("entities", True)
        assert first["values"]["elapsed"]["value"] == 61.0
        shown(api, phase=Phase.DEVELOPMENT)
        kinds = [checked(await asks.receive_str())["type"] for _ in range(2)]
        assert kinds == ["state", "entities"]  # what has a number goes first
        assert checked(await other.receive_str())["type"] == "state"
        await asks.send_str('{"type": "snapshot"}')
        kinds = [checked(await asks.receive_str())["type"] for _ in range(2)]
        assert kinds == ["snapshot", "entities"]
        await asks.send_str('{"type": "subscribe", "entities": false}')
        await asks.send_str('{"type": "snapshot"}')
        assert checked(await asks.receive_str())["type"] == "snapshot"
        api.events.put(event(station="kitchen"))
        assert checked(await asks.receive_str())["type"] == "event"


async def test_the_picture_of_a_roast_has_a_date_and_stays_after_it() -> None:
    drawn: list[bytes | None] = [None, b"\x89PNG 1", b"\x89PNG 2", None]

    async def picture(_station: str) -> bytes | None:
        return drawn.pop(0)

    async with serving(picture=picture) as api, connected(api) as (socket,):
        await socket.receive_str()
        await socket.send_str('{"type": "subscribe", "entities": true}')
        values = checked(await socket.receive_str())["values"]
        assert values["image"] == {"value": None, "available": True}
        begun = shown(api, roast_id="r1")
        while "image" not in (message := checked(await socket.receive_str())).get("values", {}):
            pass
        assert message["values"]["image"]["value"] == begun.at.isoformat()
        found = []
        async with aiohttp.ClientSession(api.url, headers=TOKEN) as session:
            for _ in range(4):
                async with session.get("/api/v1/stations/kitchen/picture") as answer:
                    found.append((answer.status, (await answer.read())[-1:]))
    assert found == [(404, b"}"), (200, b"1"), (200, b"2"), (200, b"2")]


@pytest.mark.parametrize("asked", ["{}", '{"entities": 1}', '{"spectrogram": "yes"}'])
async def test_a_wrong_subscription_is_refused(asked: str) -> None:
    request = json.dumps({"type": "subscribe"} | json.loads(asked))
    async with serving() as api, connected(api) as (socket,):
        await socket.receive_str()
        await socket.send_str(request)
        assert checked(await socket.receive_str())["type"] == "error"


def test_every_description_fits_the_document() -> None:
    station = Station()
    reads = Reading("kitchen", 0.0, bean_temp_c=200.0, environment_temp_c=220.0)
    full = replace(ROASTS, roaster=roaster(*Actuator), reading=reads)
    listed = station.lists.document("i", [replace(full, profiles=("a",), detectors=("b",))])
    schemas = openapi.document()["components"]["schemas"]
    schema = schemas["EntityLists"] | {"components": {"schemas": schemas}}
    jsonschema.Draft202012Validator(schema).validate(listed)
    keys = [one["key"] for one in listed["stations"]["kitchen"]["entities"]]
    assert len(keys) > 45
    assert keys == [one.key for one in ENTITIES if one.key in keys]
