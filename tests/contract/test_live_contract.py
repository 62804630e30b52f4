"""integrations/contract.md says what the HTTP API and its WebSocket do."""

import re
from typing import Any

from roastwatch.entities import EVENT_TYPES
from roastwatch.vocabulary import EventKind, Level, Origin, Urgency
from roastwatch.web import openapi
from roastwatch.web.routes import ROUTES
from roastwatch.web.rows import event_row
from tests.contract.test_mqtt_contract import CONTRACT
from tests.support.events import event


def section() -> str:
    rest = CONTRACT.read_text(encoding="utf-8").partition("## HTTP and live messages")[2]
    return rest.partition("\n## ")[0]


def messages() -> dict[str, dict[str, Any]]:
    """Type of message → its schema."""
    schema = openapi.live_schema()
    names = [one["$ref"].rpartition("/")[2] for one in schema["oneOf"]]
    found = [schema["$defs"][name] for name in names]
    return {one["properties"]["type"]["const"]: one for one in found}


def test_the_table_has_every_message_with_its_fields() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section(), re.MULTILINE)
    table = {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}
    assert table == {name: set(of["properties"]) - {"type"} for name, of in messages().items()}


def test_events_of_the_api_have_the_fields_of_the_contract() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    listed = text.partition("| field | what |")[2].partition("\n\n")[0]
    fields = set(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE))
    absent = set(re.findall(r"`(\w+)`", section().partition("except ")[2].partition(", and in")[0]))
    more = set(re.findall(r"`(\w+)`", section().partition("in addition ")[2].partition(" (of")[0]))
    assert fields - absent | more == set(event_row(event()))


def test_the_words_of_the_schema_are_those_of_the_code() -> None:
    properties = openapi.live_schema()["$defs"]["event"]["properties"]
    assert properties["event_type"]["enum"] == list(EVENT_TYPES)
    for key, kind in (("kind", EventKind), ("origin", Origin), ("urgency", Urgency)):
        assert properties[key]["enum"] == [one.value for one in kind]
    assert properties["level"]["enum"] == [*(one.value for one in Level), None]


def test_the_old_paths_are_in_the_contract() -> None:
    text = section()
    for route in ROUTES:
        if route.old_path is not None:
            tail = route.old_path.rpartition("{station}")[2]
            assert f"`{tail}`" in text or f"{tail}`" in text, route.old_path
