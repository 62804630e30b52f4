"""The roast log, recordings and drive logs are readable by their owner alone, old ones too."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from roastwatch.audio.recordings import Flac, write_json
from roastwatch.files.private import make_folder
from roastwatch.roaster.plans.drive import DriveLog
from roastwatch.roastlog import maintenance as log_care
from roastwatch.roastlog.file import open_log
from roastwatch.roastlog.log import RoastLog


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """A user whose files everybody may read by default."""
    before = os.umask(0o022)
    yield
    os.umask(before)


async def test_log_and_what_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "roasts.db"
    async with RoastLog.open(path):
        assert mode(path.parent) == 0o700
        for tail in ("", "-wal", "-shm"):
            assert mode(path.with_name(path.name + tail)) == 0o600


def test_log_that_others_could_read_is_tightened(tmp_path: Path) -> None:
    path = tmp_path / "data" / "roasts.db"
    open_log(path).close()
    path.chmod(0o644)
    path.parent.chmod(0o755)
    open_log(path).close()
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_folder_with_other_files_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    tmp_path.chmod(0o755)
    open_log(tmp_path / "roasts.db").close()
    assert mode(tmp_path) == 0o755


def test_backup(tmp_path: Path) -> None:
    open_log(tmp_path / "roasts.db").close()
    log_care.backup(tmp_path / "roasts.db", tmp_path / "copy.db")
    assert mode(tmp_path / "copy.db") == 0o600


def test_repaired_log(tmp_path: Path) -> None:
    open_log(tmp_path / "roasts.db").close()
    log_care.repair(tmp_path / "roasts.db")
    assert mode(tmp_path / "roasts.db") == 0o600


def test_recording_and_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "roasts" / "roaster" / "a.flac"
    file = Flac(path, 16000)
    assert mode(file._part) == 0o600
    file.write(np.zeros(1600, dtype=np.int16))
    file.close()
    write_json(path.with_suffix(".json"), {})
    assert (mode(path), mode(path.with_suffix(".json"))) == (0o600, 0o600)
    assert mode(path.parent) == mode(path.parent.parent) == 0o700


def test_drive_log(tmp_path: Path) -> None:
    log = DriveLog(tmp_path / "drives" / "a.csv")
    log.close()
    assert (mode(log.path), mode(log.lines_path), mode(log.path.parent)) == (0o600, 0o600, 0o700)


def test_folder_above_is_private_too(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a") == 0o700
