"""Files from outside: regular, of bounded size, and YAML that expands within bounds."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from roastwatch.errors import BadInputError, SettingsError
from roastwatch.files.untrusted import read_bytes, read_text
from roastwatch.files.yaml_file import parse_yaml, problem_of
from roastwatch.records import formats
from roastwatch.roaster.plans.plan import read_plan
from roastwatch.settings.model import read as read_settings

LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
)


@pytest.mark.parametrize("text", [LAUGHS, MERGES, "a: &a [*a]", "[" * 500, "- " * 3000 + "x"])
def test_yaml_that_expands_beyond_bounds_is_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(yaml.YAMLError) as raised:
        parse_yaml(text)
    assert problem_of(raised.value)
    assert time.process_time() - began < 5


def test_yaml_with_ordinary_aliases_is_read() -> None:
    assert parse_yaml("a: &x {b: [1, 2]}\nc: *x\nd: {<<: *x, e: 3}") == {
        "a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2], "e": 3},
    }  # fmt: skip
    assert parse_yaml("") is None


def test_pipe_and_device_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.alog"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_bytes(path, 100)
    with pytest.raises(BadInputError, match=r"pipe\.alog can't be read \(it is not a regular"):
        formats.read_file(pipe)
    with pytest.raises(SettingsError, match="not a regular file"):
        read_settings(pipe)
    with pytest.raises(BadInputError, match="not a regular file"):
        read_plan(pipe)


def test_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.alog"
    path.touch()
    os.truncate(path, 1 << 36)
    with pytest.raises(BadInputError, match="larger than 32 MB"):
        formats.read_file(path)


def test_text_that_is_not_utf8_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("name: Café".encode("latin-1"))
    with pytest.raises(OSError, match="not UTF-8"):
        read_text(tmp_path / "a.yaml")


def test_billion_laughs_in_settings_or_plan_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(LAUGHS)
    with pytest.raises(SettingsError, match="aliases"):
        read_settings(tmp_path / "a.yaml")
    with pytest.raises(BadInputError, match="aliases"):
        read_plan(tmp_path / "a.yaml")


EIGHT_MB = 8_000_000
HOSTILE = {
    "numbers": "{'timex': [" + "1.5, " * (EIGHT_MB // 6) + "], 'temp2': [1]}",
    "lists": "[" + "[]," * (EIGHT_MB // 3) + "'']",
    "depth": "[" * EIGHT_MB,
    "signs": "-" * EIGHT_MB + "1",
    "digits": "{'timex': [" + "1" * EIGHT_MB + "]}",
    "text": "{'title': '" + "\\x41" * (EIGHT_MB // 4),
    "cells": "Date:\tUnit:C\nTime1\tTime2\tET\tBT\tEvent\n" + "00:01\t\t1\t2\t" + "x" * 200_000,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_file_of_8_mb_needs_less_than_300_mb(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hostile.alog"
    path.write_text(HOSTILE[name])
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom roastwatch.errors import "
        "BadInputError\nfrom roastwatch.records import formats\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (40, 40))\n"
        "try: formats.read_file(Path(sys.argv[1]))\n"
        "except BadInputError as error: print(error)\n"
        # not ru_maxrss: a process inherits that of the one that started it
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    *sentences, memory_kb = done.stdout.splitlines()
    assert int(memory_kb) < 300_000
    assert len(sentences) <= 1
