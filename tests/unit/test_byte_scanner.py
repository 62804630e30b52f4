"""Files are searched for joined recordings through a window, even while they change."""

import io
import random
from pathlib import Path

import pytest

from roastwatch.audio import byte_scanner
from roastwatch.audio.byte_scanner import ByteScanner


@pytest.mark.parametrize("window", [5, 7, 64])
def test_finds_and_reads_what_bytes_do(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_scanner, "_WINDOW", window)
    random.seed(window)
    for _ in range(50):
        raw = bytes(random.choices(b"abc", k=random.randrange(120)))
        scanner = ByteScanner(io.BytesIO(raw))
        assert len(scanner) == len(raw)
        for _ in range(60):
            at, mark = random.randrange(130), random.choice((b"a", b"abc", b"cabb"))
            assert scanner.find(mark, at) == raw.find(mark, at)
            assert scanner.read(at, 4) == raw[at : at + 4]


def test_file_cut_off_while_it_is_searched_ends_sooner(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(bytes(2**20) + b"fLaC")
    with path.open("rb") as file:
        scanner = ByteScanner(file)
        path.write_bytes(b"fLaC")
        assert scanner.find(b"fLaC", 4) == -1
        assert scanner.read(2**19, 4) == b""
