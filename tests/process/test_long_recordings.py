"""A long recording needs no more memory than a short one."""

import subprocess
import sys
from pathlib import Path

import pytest

from roastwatch.bench import process

_GROWTH = """
import sys
from pathlib import Path
from roastwatch.audio import joined
from roastwatch.bench.machine import peak_mb
before = peak_mb()
found = joined.parts(Path(sys.argv[1]), sys.argv[2])
print(len(found), peak_mb() - before)
"""


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
def test_memory_of_the_search_does_not_grow_with_the_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"fLaC")
    with path.open("r+b") as file:
        file.truncate(100 * 2**20)  # takes no space on the disk
    words = [sys.executable, "-c", _GROWTH, str(path), kind]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    count, grown_mb = done.stdout.split()
    assert count == "1"
    assert float(grown_mb) < 10.0


@pytest.mark.verify
def test_memory_does_not_grow_with_recording_length() -> None:
    figures = {figure.name: figure for figure in process.analyze_memory(None, (), 32_000)}
    growth = figures["analyze_memory_growth"]
    assert growth.value is not None
    assert abs(growth.value) <= 10.0
