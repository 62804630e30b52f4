"""A file that counts is replaced whole or not at all."""

import stat
from pathlib import Path

import pytest

from roastwatch.files.atomic import replacing, write_whole


def test_write_that_fails_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    write_whole(path, "old")

    def fail() -> None:
        with replacing(path) as fresh:
            fresh.write_text("ne")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_over_the_rest_of_a_crash_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.json"
    path.parent.mkdir()
    (path.parent / "log.json.part").write_text("half of something lon")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in path.parent.iterdir()] == ["log.json"]


def test_private_file_and_its_new_folder_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "clips" / "a.json"
    write_whole(path, "{}", private=True)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path)]
    assert modes == [0o700, 0o600]
