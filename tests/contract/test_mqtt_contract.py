"""integrations/contract.md says what the code does: topics, payloads, entities, events."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roastwatch.entities import (
    ENTITIES,
    EVENT_TYPES,
    Entity,
    OfferedEntities,
    Platform,
    Reason,
)
from roastwatch.sinks.mqtt.discovery import Reader, device
from roastwatch.sinks.mqtt.topics import Topics
from roastwatch.sinks.outbox.event_outbox import Outbox
from tests.support.events import event

CONTRACT = Path(__file__).parents[2] / "integrations" / "contract.md"
BEGIN, END = "<!-- entities: made from the code -->", "<!-- end of entities -->"
REASONS = "<!-- reasons: made from the code -->", "<!-- end of reasons -->"


def _takes(entity: Entity) -> str:
    match entity.platform:
        case Platform.BUTTON:
            return "`PRESS`"
        case Platform.SWITCH:
            return "`ON`, `OFF`"
        case Platform.VALVE:
            return "`OPEN`, `CLOSE`"
        case Platform.NUMBER:
            return f"{entity.minimum:g} to {entity.maximum:g}"
        case Platform.SELECT:
            return "one of its options"
        case Platform.TEXT:
            return f"{entity.minimum:g} to {entity.maximum:g} letters"
        case _:
            return ""


def table() -> str:
    """The entities as the contract lists them."""
    lines = ["| key | platform | unit | class | takes | what it is | auf Deutsch |"]
    lines.append("|---|---|---|---|---|---|---|")
    for entity in ENTITIES:
        classes = " ".join(filter(None, (entity.device_class, entity.state_class)))
        cells = (f"`{entity.key}`", entity.platform.value, entity.unit or "", classes)
        words = (f"{entity.name[0]}: {entity.help[0]}", f"{entity.name[1]}: {entity.help[1]}")
        lines.append("| " + " | ".join((*cells, _takes(entity), *words)) + " |")
    return "\n".join(lines)


def reasons() -> str:
    """The reasons of actions as the contract lists them."""
    lines = ["| code | reason |", "|---|---|"]
    return "\n".join((*lines, *(f"| `{one.code}` | {one.text} |" for one in Reason)))


@pytest.mark.parametrize(("made", "marks"), [(table, (BEGIN, END)), (reasons, REASONS)])
def test_the_tables_of_the_contract_are_those_of_the_code(
    made: Callable[[], str], marks: tuple[str, str]
) -> None:
    begin, end = marks
    text = CONTRACT.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    held, _, after = rest.partition(end)
    if os.environ.get("ROASTWATCH_WRITE_CONTRACT"):
        CONTRACT.write_text(f"{before}{begin}\n{made()}\n{end}{after}", encoding="utf-8")
        held = f"\n{made()}\n"
    assert held == f"\n{made()}\n", "write it anew: ROASTWATCH_WRITE_CONTRACT=1 pytest this file"


def test_every_event_type_and_field_is_in_the_contract(tmp_path: Path) -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    for kind in EVENT_TYPES:
        assert f"| `{kind}` |" in text, kind
    outbox = Outbox(0.0)
    sent = event()
    outbox.add(sent, 1.0, sent.decided_at)
    kept = outbox.unsent()
    assert kept is not None
    message = kept.message(1.5)
    for field in message:
        assert f"| `{field}` |" in text, field
    # dates have milliseconds
    assert message["late_by_s"] == pytest.approx(0.5, abs=0.002)


def test_the_topics_of_the_contract_are_those_of_the_code() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    topics = Topics("<instance>")
    for topic in (
        topics.available,
        topics.session,
        topics.part("<station>", "sound"),
        topics.part("<station>", "roaster"),
        topics.state("<station>", "<key>"),
        topics.event("<station>"),
        topics.set("<station>", "<key>"),
        topics.discovery("<station>"),
        topics.discovery("<station>", 1).replace("part2", "part<n>"),
        topics.birth,
    ):
        assert f"`{topic}`" in text, topic
    assert f"`{topics.unique_id('<station>', '<key>')}`" in text


def test_discovery_shows_words_and_the_readers_unit() -> None:
    offer = OfferedEntities(frozenset({"phase", "event", "rate_of_rise", "deviation"}))
    german = device(Topics("k"), "s", "S", Reader("de", fahrenheit=True), offer)["components"]
    assert german["phase"]["options"][0] == "Bereit"
    assert '"idle": "Bereit"' in german["phase"]["value_template"]
    assert "'key'" in german["phase"]["json_attributes_template"]
    assert "Bohnen eingefüllt" in german["event"]["event_types"]
    assert "type=value_json.event_type" in german["event"]["value_template"]
    assert german["rate_of_rise"]["unit_of_measurement"] == "°F/min"
    assert german["deviation"]["unit_of_measurement"] == "°F"
    assert "1.8" in german["deviation"]["value_template"]
    keys = device(Topics("k"), "s", "S", Reader(words=False), offer)["components"]
    assert keys["phase"]["options"][0] == "idle"
    assert keys["event"]["event_types"] == list(EVENT_TYPES)
    assert "value_template" not in keys["rate_of_rise"]


def test_discovery_names_what_the_contract_promises() -> None:
    message = device(
        Topics("kitchen"), "shed", "Shed", Reader(), OfferedEntities(frozenset({"phase", "drop"}))
    )
    phase = message["components"]["phase"]
    assert phase["unique_id"] == "kitchen_shed_phase"
    assert phase["state_topic"] == "roastwatch/kitchen/shed/state/phase"
    drop = message["components"]["drop"]
    assert drop["command_topic"] == "roastwatch/kitchen/shed/set/drop"
    trigger = message["components"]["trigger_first_crack"]
    assert trigger["topic"] == "roastwatch/kitchen/shed/event"
