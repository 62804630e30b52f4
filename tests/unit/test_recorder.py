"""Roasts and clips are recorded off the event loop, kept for a while, and never block a roast."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roastwatch.audio.file import open_file
from roastwatch.audio.history_ring import HistoryRing
from roastwatch.audio.recorder import Recorder
from roastwatch.audio.recorder_options import RecorderOptions
from roastwatch.audio.recordings import Flac, prune, recover, to_int16, write_json
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, EventKind, Float32Array, Level, Origin, RoastEvent

RATE_HZ = 8_000
START = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def sound(seconds: float) -> Float32Array:
    random = np.random.default_rng(5)
    return (random.standard_normal(round(seconds * RATE_HZ)) * 0.1).astype(np.float32)


def crack(level: Level, happened_s: float, decided_s: float, **more: Any) -> RoastEvent:
    return RoastEvent(
        event_id="roast-1-first_crack-1",
        station="kitchen",
        roast_id="roast-1",
        kind=EventKind.FIRST_CRACK,
        happened_at=START + timedelta(seconds=happened_s),
        decided_at=START + timedelta(seconds=decided_s),
        origin=Origin.SOUND,
        level=level,
        happened_sample=round(happened_s * RATE_HZ),
        decided_sample=round(decided_s * RATE_HZ),
        confidence=0.9,
        **more,
    )


def recorder(folder: Path, part: ComponentHealth | None = None, **options: Any) -> Recorder:
    wanted = RecorderOptions(**{"keep_free_mb": 0, **options})
    return Recorder(
        wanted, folder, "kitchen", RATE_HZ, "model-1", part or ComponentHealth("recorder")
    )


def play(
    recorder: Recorder,
    samples: Float32Array,
    events: dict[float, RoastEvent] | None = None,
    roast_id: str | None = "roast-1",
    first_sample: int = 0,
) -> None:
    """Blocks of 0.1 s; each event comes with the block in which it was detected."""
    waiting = dict(events or {})
    for at in range(0, len(samples), RATE_HZ // 10):
        block = AudioBlock(first_sample + at, samples[at : at + RATE_HZ // 10], 0.0)
        for when in [when for when in waiting if when * RATE_HZ <= block.end_sample]:
            recorder.note(waiting.pop(when))
        recorder.hear(block, roast_id)


def heard(path: Path) -> Float32Array:
    with open_file(path) as reader:
        return np.concatenate(list(reader.blocks()))


def sidecar(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return content


async def test_nothing_is_recorded_by_default(tmp_path: Path) -> None:
    assert not RecorderOptions().wanted
    async with recorder(tmp_path) as taping:
        play(taping, sound(30), {20: crack(Level.FIRST_CRACK, 15, 20)})
    assert not list(tmp_path.rglob("*.*"))


async def test_a_roast_is_recorded_with_its_events_and_gaps(tmp_path: Path) -> None:
    async with recorder(tmp_path, roasts=True) as taping:
        play(taping, sound(5), roast_id=None)
        play(taping, sound(10), {8: crack(Level.FIRST_CRACK, 6, 8)}, first_sample=5 * RATE_HZ)
        play(taping, sound(2), first_sample=18 * RATE_HZ)
        play(taping, sound(2), roast_id=None, first_sample=20 * RATE_HZ)
    (path,) = (tmp_path / "roasts" / "kitchen").glob("*.flac")
    samples = heard(path)
    assert len(samples) == 15 * RATE_HZ
    np.testing.assert_allclose(samples[: 10 * RATE_HZ], sound(10), atol=1e-4)
    assert not samples[10 * RATE_HZ : 13 * RATE_HZ].any()
    np.testing.assert_allclose(samples[13 * RATE_HZ :], sound(2), atol=1e-4)
    content = sidecar(path)
    assert (content["roast_id"], content["complete"], content["duration_s"]) == (
        "roast-1",
        True,
        15,
    )
    assert content["gaps"] == [{"at_s": 10.0, "lost_s": 3.0}]
    assert content["events"][0] | {"kind": "first_crack", "happened_s": 1.0} == content["events"][0]


async def test_a_recorded_roast_names_its_model_after_a_quick_switch(
    tmp_path: Path,
) -> None:
    async with recorder(tmp_path, roasts=True) as taping:
        play(taping, sound(3))
        taping.judged_by("model-2")
        play(taping, sound(1), roast_id=None, first_sample=3 * RATE_HZ)
    (path,) = (tmp_path / "roasts" / "kitchen").glob("*.flac")
    assert sidecar(path)["model_id"] == "model-1"


async def test_a_detection_gets_a_clip_that_follows_its_updates(tmp_path: Path) -> None:
    part = ComponentHealth("recorder")
    samples = sound(60)
    async with recorder(tmp_path, part, clips=True, clip_s=5) as taping:
        events: dict[float, RoastEvent] = {
            20: crack(Level.POSSIBLE, 18, 20),
            24: crack(Level.FIRST_CRACK, 17, 24),
            40: crack(Level.CERTAIN, 17, 40),
            50: crack(Level.CERTAIN, 17, 40, revoked=True),
        }
        play(taping, samples, events)
    (path,) = (tmp_path / "clips" / "kitchen").glob("*.flac")
    np.testing.assert_allclose(heard(path), samples[12 * RATE_HZ : 29 * RATE_HZ], atol=1e-4)
    content = sidecar(path)
    wanted = {
        "event_id": "roast-1-first_crack-1",
        "station": "kitchen",
        "roast_id": "roast-1",
        "kind": "first_crack",
        "level": "certain",
        "model_id": "model-1",
        "sample_rate_hz": RATE_HZ,
        "first_sample": 12 * RATE_HZ,
        "happened_s": 5.0,
        "decided_s": 12.0,
        "confidence": 0.9,
        "label": "not_a_crack",
    }
    assert content | wanted == content
    assert part.counters["clips_kept"] == 1


async def test_a_clip_cut_short_by_the_end_is_kept(tmp_path: Path) -> None:
    async with recorder(tmp_path, clips=True) as taping:
        play(taping, sound(8), {7: crack(Level.FIRST_CRACK, 1, 7)})
    (path,) = (tmp_path / "clips" / "kitchen").glob("*.flac")
    assert len(heard(path)) == 8 * RATE_HZ
    assert sidecar(path)["label"] is None


async def test_a_full_disk_is_reported_and_the_roast_goes_on(tmp_path: Path) -> None:
    part = ComponentHealth("recorder")
    async with recorder(tmp_path, part, roasts=True, clips=True, keep_free_mb=1e12) as taping:
        play(taping, sound(40), {20: crack(Level.FIRST_CRACK, 15, 20)})
    assert "MB are free" in (part.problem or "")
    assert part.counters["failures"] == 2
    assert not list(tmp_path.rglob("*.flac*"))


async def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    part = ComponentHealth("recorder")
    (tmp_path / "roasts").write_text("a file, where a folder should be")
    async with recorder(tmp_path, part, roasts=True) as taping:
        play(taping, sound(5))
    assert "can't be written" in (part.problem or "")


def test_unfinished_files_are_recovered_after_a_power_failure(tmp_path: Path) -> None:
    file = Flac(tmp_path / "roast.flac", RATE_HZ)
    for _ in range(30):
        file.write(to_int16(sound(1)))
    file._file.flush()  # the plug is pulled before close()
    raw = (tmp_path / "roast.flac.part").read_bytes()
    (tmp_path / "cut.flac.part").write_bytes(raw)
    file.close()
    assert recover(tmp_path) == [tmp_path / "cut.flac"]
    with open_file(tmp_path / "cut.flac") as reader:
        samples = np.concatenate(list(reader.blocks()))
    assert len(samples) > 20 * RATE_HZ


async def test_a_roast_resumed_after_a_crash_overwrites_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        async with recorder(tmp_path, roasts=True) as taping:
            play(taping, sound(3))
    names = sorted(path.name for path in tmp_path.rglob("*.flac"))
    assert names == ["roast-1-2.flac", "roast-1.flac"]


def shelf(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{index:02}.flac" for index in range(count)]
    for index, path in enumerate(paths):
        path.write_bytes(b"0" * 1_000_000)
        write_json(path.with_suffix(".json"), {"label": None})
        at_s = datetime.now(UTC).timestamp() - (count - index) * 86_400
        os.utime(path, (at_s, at_s))
    return paths


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"count": 3, "days": None, "megabytes": None}, 3),
        ({"count": None, "days": 4.5, "megabytes": None}, 4),
        ({"count": None, "days": None, "megabytes": 2.5}, 2),
        ({"count": None, "days": None, "megabytes": None}, 6),
        ({"count": 5, "days": 3.5, "megabytes": 4.5}, 3),
    ],
)
def test_the_oldest_recordings_are_deleted_first(
    tmp_path: Path, rule: dict[str, Any], kept: int
) -> None:
    paths = shelf(tmp_path, 6)
    gone = prune(tmp_path, **rule)
    assert gone == paths[: 6 - kept]
    assert sorted(tmp_path.glob("*.json")) == [
        path.with_suffix(".json") for path in paths[6 - kept :]
    ]


def test_labelled_recordings_are_not_deleted(tmp_path: Path) -> None:
    paths = shelf(tmp_path, 4)
    write_json(paths[0].with_suffix(".json"), {"label": "first_crack"})
    assert prune(tmp_path, count=1, days=None, megabytes=None) == paths[1:3]


def test_recent_sound_is_cut_as_far_as_it_is_stored() -> None:
    recent = HistoryRing(100)
    for at in range(1000, 1300, 7):
        recent.put(at, np.arange(at, at + 7, dtype=np.int16))
    first, samples = recent.cut(0, 1_280)
    assert first == recent.end - 100
    assert samples.tolist() == list(range(first, 1280))
    recent.put(recent.end + 10, np.ones(5, np.int16))
    assert recent.cut(recent.end - 15, recent.end)[1].tolist() == [0] * 10 + [1] * 5
