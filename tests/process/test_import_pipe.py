"""The roasts command as a process."""

import os
import subprocess
import sys
from pathlib import Path


def test_import_of_a_pipe_ends_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(
        [sys.executable, "-m", "roastwatch", "roasts", "--log", str(tmp_path / "log"), "import",
         str(tmp_path / "pipe")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pipe can't be read (it is not a regular file)." in done.stderr
