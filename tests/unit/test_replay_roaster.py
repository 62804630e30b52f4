"""A recorded roast as a roaster."""

from pathlib import Path

import pytest

from roastwatch.errors import BadInputError
from roastwatch.roaster.drivers.replay import ReplayOptions, ReplayRoaster
from roastwatch.vocabulary import Actuator


def recording(folder: Path) -> Path:
    path = folder / "roast.alog"
    seconds = list(range(0, 300, 2))
    tree = {
        "mode": "C",
        "timex": [float(s) for s in seconds],
        "temp1": [200.0 + s / 10 for s in seconds],
        "temp2": [100.0 + s / 3 for s in seconds],
        "timeindex": [0, 0, 0, 0, 0, 0, 120, 0],
    }
    path.write_text(repr(tree))
    return path


async def test_recording_is_replayed_in_its_own_time(tmp_path: Path) -> None:
    now = [100.0]
    options = ReplayOptions(port=recording(tmp_path), speed=2)
    async with ReplayRoaster(options, "r", clock=lambda: now[0]) as replay:
        assert (await replay.read()).bean_temp_c == pytest.approx(100.0)
        now[0] += 60
        reading = await replay.read()
        assert reading.bean_temp_c == pytest.approx(140.0)
        assert reading.environment_temp_c == pytest.approx(212.0)
        assert reading.door_open is False
        now[0] += 61  # the drop is at 240 s
        assert (await replay.read()).door_open is True
        now[0] += 1000
        assert (await replay.read()).bean_temp_c == pytest.approx(100 + 298 / 3)
        with pytest.raises(BadInputError, match="recording"):
            await replay.write(Actuator.HEATER, 50)


async def test_file_that_is_not_a_roast_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.alog"
    path.write_text("hello")
    with pytest.raises(BadInputError):
        await ReplayRoaster(ReplayOptions(port=path), "r").__aenter__()
