"""The values of a station for Artisan's MQTT device, which reads numbers from one JSON object."""

import json
from collections.abc import Iterable

from roastwatch.sinks.artisan import refusals
from roastwatch.sinks.artisan.channels import row
from roastwatch.sinks.mqtt.connection import BrokerConnection
from roastwatch.sinks.mqtt.topics import Topics
from roastwatch.vocabulary import CommandResult, Snapshot


class ArtisanRows:
    """Publishes a row for each snapshot, if that is on."""

    def __init__(self, topics: Topics, on: bool) -> None:
        self._topics = topics
        self._on = on
        self._refusals = refusals.Refusals()

    def note(self, station: str, result: CommandResult) -> None:
        """The result of a command: a refusal is shown for some seconds."""
        self._refusals.note(station, refusals.code(result))

    async def send(self, link: BrokerConnection, snapshots: Iterable[Snapshot]) -> None:
        """Publish the newest values."""
        for shown in snapshots if self._on else ():
            self._refusals.follow(shown)
            text = json.dumps(row(shown, self._refusals.code(shown.station)))
            await link.publish(self._topics.artisan(shown.station), text, retain=False, qos=0)
