"""What every test may use."""

import os
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
