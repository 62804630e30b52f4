"""Text from outside can not control the terminal: real processes, real output."""

import contextlib
import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from rich.table import Table
from rich.text import Text

from roastwatch.printing.rich_console import Console

NASTY = "\x1b[2J\x1b]0;owned\x07title\x9b31m\u202e"


def run(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "roastwatch", *words], capture_output=True, timeout=60, check=False
    )


def assert_plain(output: bytes) -> None:
    text = output.decode()
    assert not [c for c in text if ord(c) < 32 and c not in "\n\t"], repr(text)
    assert "\x9b" not in text
    assert "\u202e" not in text


def test_error_that_names_a_file_is_one_plain_line(tmp_path: Path) -> None:
    done = run("run", "--settings", str(tmp_path / (NASTY.replace("/", "") + "\nforged.yaml")))
    assert done.returncode == 2
    assert_plain(done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert b"\\x1b[2J" in done.stderr


def test_title_with_escapes_is_shown_as_plain_text(tmp_path: Path) -> None:
    samples = [[0, 180.0, 200.0], [60, 120.0, 200.0], [300, 190.0, 220.0]]
    roast = {
        "title": NASTY,
        "mode": "C",
        "timex": [row[0] for row in samples],
        "temp1": [row[2] for row in samples],
        "temp2": [row[1] for row in samples],
        "timeindex": [0, 0, 0, 0, 0, 0, 2, 0],
    }
    record = tmp_path / "roast.alog"
    record.write_text(repr(roast))
    log = tmp_path / "log.db"
    assert run("roasts", "--log", str(log), "import", str(record)).returncode == 0
    listed = run("roasts", "--log", str(log), "list")
    assert listed.returncode == 0, listed
    assert b"title" in listed.stdout
    assert_plain(listed.stdout)


def test_rich_console_passes_only_its_own_escapes() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=80)
    table = Table("name")
    table.add_row(Text(NASTY, "red"))
    table.add_row(NASTY)
    console.print(table)
    shown = out.getvalue()
    assert "\x1b[31m" in shown  # red
    assert "\x1b[2J" not in shown
    assert "\x1b]0" not in shown
    assert "\\x1b[2J" in shown


def test_live_view_keeps_its_colours_on_a_terminal() -> None:
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "roastwatch", "demo", "--speed", "0", "--seed", "3"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    with subprocess.Popen(words, stdout=follower, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the program has ended
            while part := os.read(leader, 65536):
                shown += part
        os.close(leader)
    assert process.returncode == 0
    assert b"FIRST CRACK" in shown
    assert b"\x1b[32m" in shown  # green
    assert b"\\x1b" not in shown
