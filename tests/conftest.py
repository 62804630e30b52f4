"""What every test may use."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and logs, which is not part of the project."""
    folder = Path(os.environ.get("ROASTWATCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real recordings: {folder / 'data'} is absent (set ROASTWATCH_SHARED)")
    return folder


@pytest.fixture
def socket_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this process's own guardians listen: its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="rw") as name:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", name)
        yield Path(name)
