"""What the service describes to an integration: its list of entities and a message of values."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    AudioLevel,
    Phase,
    Reading,
    RoasterState,
    Snapshot,
)
from roastwatch.web.entity_list import EntityLists
from roastwatch.web.entity_values import EntityValues


class _NoRequests:
    """Nobody asks anything of this service."""


def described() -> dict[str, Any]:
    """The list of `GET /api/v1/entities` and the message `entities`, made by the real code.

    The instance `kitchen` has the station `roaster`, whose machine offers everything.
    """
    context = SinkContext(
        instance="kitchen",
        stations=["roaster"],
        language="en",
        requests=_NoRequests(),  # type: ignore[arg-type]
        part=ComponentHealth("rest"),
        titles={"roaster": "Garage roaster"},
        picture=_picture,
    )
    lists = EntityLists(context)
    values = EntityValues(lists, lambda _station: False, lambda text: text)
    snapshot = _snapshot()
    message = values.look(snapshot)
    return {"listing": lists.document("0" * 32, [snapshot]), "values": {"roaster": message}}


async def _picture(_station: str) -> bytes | None:
    await asyncio.sleep(0)
    return None


def _snapshot() -> Snapshot:
    return Snapshot(
        "roaster",
        datetime(2026, 11, 29, 12, 0, tzinfo=UTC),
        phase=Phase.MAILLARD,
        roast_id="r1",
        elapsed_s=200.0,
        reading=Reading(
            "roaster",
            0.0,
            bean_temp_c=150.0,
            environment_temp_c=180.0,
            heater_percent=60.0,
            fan_percent=40.0,
            drum_percent=50.0,
            cooling_percent=0.0,
            door_open=False,
        ),
        rate_of_rise_c_per_min=10.0,
        pops_per_minute=0.0,
        level=AudioLevel(peak_dbfs=-20.0, rms_dbfs=-40.0, clipped_percent=0.0),
        roaster=RoasterState(True, False, actuators=tuple(Actuator)),
        detector="pops",
        detectors=("pops", "transients"),
        profile=None,
        profiles=("colombia", "sidamo"),
    )
