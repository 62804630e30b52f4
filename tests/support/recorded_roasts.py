"""Roasts in a log with their sound on the disk, as the service leaves them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from roastwatch.records.record import RecordedEvent, RoastRecord
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind, Level, Origin
from tests.support.made_roasts import PREHEAT_S, made_roast

RATE = 16_000
BEGINS_S, LENGTH_S = PREHEAT_S + 480.0, 30.0
"""Of the recording, on the record's clock: 480 s after the charge."""
CRACK_S = 495.0
"""After the charge."""
UNSURE_S = (BEGINS_S + 4.0, BEGINS_S + 11.0, BEGINS_S + 20.0)
"""Sounds of which the detector is unsure, on the record's clock; the second is a pop."""


def recorded(folder: Path, *, seed: int = 0, sound: bool = True) -> str:
    """Add a roast to the log of a data folder, with its sound; return its id."""
    made = made_roast(seed=seed, title=f"Roast {seed}", period_s=5.0)
    roast_id = f"r{seed}"
    events = [replace(event, event_id=f"{roast_id}-{event.kind}") for event in made.events]
    events.append(
        RecordedEvent(
            EventKind.FIRST_CRACK,
            PREHEAT_S + 501.0,
            Origin.SOUND,
            event_id=f"{roast_id}-perhaps",
            level=Level.POSSIBLE,
            confidence=0.6,
        )
    )
    record = replace(
        made,
        roast_id=roast_id,
        station="kitchen",
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        pops=((UNSURE_S[1], 0.55), (BEGINS_S + 16.0, 0.99)),
        scores=(
            (UNSURE_S[0], 0.5, 0.1),
            (UNSURE_S[1] + 0.05, 0.55, 0.2),
            (UNSURE_S[2], 0.3, 0.2),
            (BEGINS_S + 25.0, 0.01, 0.2),
            (BEGINS_S - 100.0, 0.5, 0.0),
        ),
    )
    with Store(folder / "roasts.db", create=True) as store:
        store.import_record(record)
        with store.writing() as connection:  # as the service records it: no file
            connection.execute(
                "UPDATE roasts SET file_digest = NULL, source_format = 'live' WHERE roast_id = ?",
                (roast_id,),
            )
            if sound:
                path = recording(folder, record)
                connection.execute(
                    "INSERT INTO clips (roast_no, path, from_s, duration_s, note) "
                    "SELECT roast_no, ?, ?, ?, '' FROM roasts WHERE roast_id = ?",
                    (str(path), BEGINS_S, LENGTH_S, roast_id),
                )
    return roast_id


def recording(folder: Path, record: RoastRecord) -> Path:
    """Half a minute of rising samples, so that each says where it is, and its sidecar."""
    path = folder / "roasts" / record.station / f"{record.roast_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, ramp(), RATE, subtype="PCM_16")
    sidecar = {
        "roast_id": record.roast_id,
        "station": record.station,
        "duration_s": LENGTH_S,
        "events": [],
    }
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path


def ramp() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """The samples of a recording."""
    return (np.arange(round(LENGTH_S * RATE)) % 30_011).astype(np.int16)
