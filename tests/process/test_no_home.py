"""Settings read by a user without a home folder."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_user_without_a_home_gets_one_sentence(tmp_path: Path) -> None:
    """No HOME and no passwd entry, as with `docker run --user 4711`."""
    number = next(n for n in range(47_110, 48_000) if not _is_known(n))
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    path = tmp_path / "roastwatch.yaml"
    path.write_text("stations: [{source: {type: demo}}]")
    code = (
        "import os, sys; from pathlib import Path\n"
        "from roastwatch.settings import model as settings\n"
        "found = settings.read(Path(sys.argv[1])); number = int(sys.argv[2])\n"
        "os.setgroups([]); os.setgid(number); os.setuid(number)\n"
        "try: print(found.folder)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, path, str(number)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.startswith("SettingsError This user has no home folder"), ended


def _is_known(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True
