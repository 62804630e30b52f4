"""The sound of a recorded roast over HTTP: clips as WAV, ranges, what the detector sees."""

import io
import struct
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import soundfile
from multidict import CIMultiDictProxy

from roastwatch.audio.excerpt import PlacedFile, excerpt
from roastwatch.detection.pops.spectrogram import BANDS
from roastwatch.roastlog.store import Store
from tests.support.checked_client import IDLE, TOKEN
from tests.support.http import serving
from tests.support.recorded_roasts import RATE, ramp, recorded

SOUND = "/api/v1/roasts/r0/sound"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recorded(tmp_path)
    return tmp_path


async def get(folder: Path, path: str, **headers: str) -> tuple[int, bytes, CIMultiDictProxy[str]]:
    async with (
        serving(snapshots=IDLE, folder=folder, log=folder / "roasts.db") as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
        session.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()}) as answer,
    ):
        return answer.status, await answer.read(), answer.headers


async def test_clip_is_exactly_the_sound_of_that_time(folder: Path) -> None:
    status, body, headers = await get(folder, SOUND + "?from=490.5&to=492")
    samples, rate = soundfile.read(io.BytesIO(body), dtype="int16")
    assert (status, rate, len(samples)) == (200, RATE, 1.5 * RATE)
    assert headers["Content-Type"] == "audio/wav"
    assert "Content-Encoding" not in headers
    first = round(10.5 * RATE)
    assert np.array_equal(samples, ramp()[first : first + len(samples)])


async def test_clip_is_silent_where_nothing_was_recorded(folder: Path) -> None:
    _, body, _ = await get(folder, SOUND + "?from=479&to=511")
    samples, _ = soundfile.read(io.BytesIO(body), dtype="int16")
    assert len(samples) == 32 * RATE
    assert not samples[:RATE].any()
    assert np.array_equal(samples[RATE:-RATE], ramp())
    assert not samples[-RATE:].any()


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("0-1", 0, 2), ("40-50", 40, 51), ("101-1000", 101, 1001), ("32000-", 32_000, None),
     ("-7", -7, None), ("5-99999999", 5, None)],
)  # fmt: skip
async def test_ranges_are_parts_of_the_whole(
    folder: Path, wanted: str, start: int, stop: int | None
) -> None:
    path = SOUND + "?from=490&to=491"
    _, whole, headers = await get(folder, path)
    tag = headers["ETag"]
    status, part, headers = await get(folder, path, Range=f"bytes={wanted}", If_Range=tag)
    assert (status, part) == (206, whole[start:stop])
    first, _, size = headers["Content-Range"].removeprefix("bytes ").partition("/")
    assert int(first.split("-")[1]) - int(first.split("-")[0]) + 1 == len(part)
    assert int(size) == len(whole)


async def test_impossible_and_outdated_ranges(folder: Path) -> None:
    path = SOUND + "?from=490&to=491"
    status, _, headers = await get(folder, path, Range="bytes=99999999-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{44 + 2 * RATE}")
    status, body, _ = await get(folder, path, Range="bytes=0-1", If_Range='"older"')
    assert (status, len(body)) == (200, 44 + 2 * RATE)
    status, body, headers = await get(folder, path, Range="bytes=x")
    assert (status, len(body)) == (200, 44 + 2 * RATE)
    assert (await get(folder, path, If_None_Match=headers["ETag"]))[0] == 304


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sound", 400),
        ("/sound?from=1", 400),
        ("/sound?from=490&to=490", 400),
        ("/sound?from=480&to=541", 400),
        ("/sound?from=nan&to=1", 400),
        ("/sound?from=-inf&to=1", 400),
        ("/sound?from=1e300&to=1e301", 400),
        ("/sound?from=490&to=491&what=1", 400),
        ("/sound?from=100&to=101", 404),
        ("/spectrogram?from=480&to=601", 400),
        ("/spectrogram?from=100&to=101", 404),
    ],
)
async def test_sound_that_is_not_there_is_refused(folder: Path, path: str, status: int) -> None:
    assert (await get(folder, "/api/v1/roasts/r0" + path))[0] == status


async def test_deleted_and_damaged_files_count_as_no_sound(folder: Path) -> None:
    path = folder / "roasts" / "kitchen" / "r0.flac"
    path.write_bytes(b"fLaC" + bytes(100))
    assert (await get(folder, SOUND + "?from=490&to=491"))[0] == 400
    path.unlink()
    assert (await get(folder, SOUND + "?from=490&to=491"))[0] == 404


async def test_sound_is_found_where_the_data_folder_was_moved_to(folder: Path) -> None:
    moved = folder.rename(folder.with_name("moved"))
    assert (await get(moved, SOUND + "?from=490&to=491"))[0] == 200


async def test_spectrogram_shows_a_tone_in_its_band_and_time(folder: Path) -> None:
    samples = np.zeros(30 * RATE)
    at = np.arange(RATE) / RATE
    samples[10 * RATE : 11 * RATE] = 0.5 * np.sin(2 * np.pi * 3125 * at)
    soundfile.write(folder / "roasts" / "kitchen" / "r0.flac", samples, RATE)
    path = "/api/v1/roasts/r0/spectrogram?from=489&to=492"
    status, body, headers = await get(folder, path)
    assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
    kind, bands, zero, at_s, column_s = struct.unpack("<BBHdf", body[:16])
    assert (kind, bands, zero) == (1, BANDS, 0)
    assert column_s == pytest.approx(0.1)
    charged = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC).timestamp()
    assert at_s == pytest.approx(charged + 489)
    columns = np.frombuffer(body[16:], np.uint8).reshape(-1, BANDS)
    assert len(columns) == 30
    assert columns[:9].max() < 20
    assert {int(column.argmax()) for column in columns[11:19]} <= {10, 11}  # 2750 to 3250 Hz
    assert columns[12].max() > 150
    assert columns[22:].max() < 20


def test_the_recording_counts_before_clips(tmp_path: Path) -> None:
    for name, value in (("whole", 1000), ("clip", 2000)):
        soundfile.write(tmp_path / f"{name}.wav", np.full(8000, value, np.int16), 8000)
    files = [PlacedFile(tmp_path / "whole.wav", 10.0), PlacedFile(tmp_path / "clip.wav", 10.5)]
    found = excerpt(files, 8000, 9 * 8000, 12 * 8000)
    assert [int(found[round(at * 8000)]) for at in (0.9, 1.1, 1.9, 2.1, 2.6)] == [
        0, 1000, 1000, 2000, 0,
    ]  # fmt: skip
    assert not excerpt(files, 16_000, 9 * 16_000, 12 * 16_000).any()


async def test_roasts_without_sound_have_none(tmp_path: Path) -> None:
    recorded(tmp_path, sound=False)
    assert (await get(tmp_path, SOUND + "?from=490&to=491"))[0] == 404
    with Store(tmp_path / "roasts.db") as store:
        assert not store.connection.execute("SELECT 1 FROM clips").fetchone()
