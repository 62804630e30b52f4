"""A template: copy this file to `sinks/<name>.py`, rename the two classes, and replace `_send`.

Replace this docstring by one sentence on what yours does, when you have followed it.

1. Name the class in pyproject.toml: `[project.entry-points."roastwatch.sinks"]`,
   `<name> = "roastwatch.sinks.<name>:<Name>Sink"`, and install again
   (`.venv/bin/pip install --editable . --no-deps`).
2. Describe each option below: `roastwatch settings` and config/roastwatch.yaml are made from them.
3. Copy tests/unit/test_sink_template.py. Where the peer is a server, test against a real one on
   this machine.
4. A new counter needs a line in COUNTERS in web/metrics.py; `events_told` has one.

This one appends a line of JSON to a file for each event. What it shows holds for every sink:

- It is optional: if it raises, the roast continues, and the service restarts it.
- It holds nobody up: its events wait in a queue of its own (64 events).
- `context.part` shows its state: call `running()` after each success. Raise `LostError` if the peer
  is away: `retry_forever` shows and retries it. Any other exception is a defect, shown as `failed`.
- Delivery is at least once: after a restart an event may come again with the same `event_id`. A
  first crack grows (possible, first_crack, certain) under one id.
- Requests of people go to `context.requests`, after `sinks/incoming.py` has checked them.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import Field

from roastwatch.channel import Events, Latest
from roastwatch.entities import event_type
from roastwatch.errors import LostError
from roastwatch.options import Options
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.supervise import retry_forever
from roastwatch.vocabulary import RoastEvent, Snapshot


class TemplateOptions(Options):
    """A file that grows by one line for each event."""

    path: Path = Field(description="File to append to.")


class TemplateSink(Sink):
    """Appends each event to a file, as JSON."""

    Options = TemplateOptions

    def __init__(self, options: TemplateOptions, context: SinkContext) -> None:
        """Nothing is opened here: the settings are checked by making the sink."""
        self._options = options
        self._context = context

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Send until cancelled; the queue keeps the events that come while the peer is away."""
        self._context.part.running()
        async for event in events:
            await retry_forever(self._context.part, partial(self._send, event, latest))

    async def check(self) -> Sequence[Finding]:
        """For `roastwatch doctor`: try what `run` needs, and change nothing."""
        folder = self._options.path.parent
        if not folder.is_dir():
            return [Finding(False, f"{folder} is no folder: create it, or set `path` elsewhere.")]
        return [Finding(True, f"{folder} is there")]

    async def _send(self, event: RoastEvent, latest: Latest[dict[str, Snapshot]]) -> None:
        """Replace this: one event to the peer, with what the station shows at the moment.

        Raises:
            LostError: the peer is away; the text says what to do.
        """
        snapshot = (latest.value or {}).get(event.station)
        row = {
            "event_id": event.event_id,
            "station": event.station,
            "type": event_type(event),
            "happened_at": event.happened_at.isoformat(),
            "phase": snapshot.phase.value if snapshot else None,
        }
        try:
            await asyncio.to_thread(_append, self._options.path, json.dumps(row))
        except OSError as error:
            raise LostError(f"{self._options.path} can't be written: {error.strerror}.") from error
        self._context.part.running()
        self._context.part.count("events_told")


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
