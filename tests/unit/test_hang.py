"""A process that hangs is distinguished from one that gets no processor, by its /proc entry."""

from pathlib import Path

import pytest

from roastwatch.roaster.client.hang import Hang

HERTZ = 100


class Process:
    """A process as /proc shows it."""

    def __init__(self, folder: Path) -> None:
        self._stat = folder / "7" / "stat"
        self._stat.parent.mkdir()

    def show(self, state: str, processor_s: float) -> None:
        head = "7 (a name) with) brackets)"
        fields = [state, *["0"] * 10, str(round(processor_s * HERTZ)), "0", *["0"] * 30]
        self._stat.write_text(f"{head} {' '.join(fields)}")


def hung_after_s(folder: Path, state: str, share: float) -> float:
    """Seconds of silence after which a process counts as hung that uses a share of a processor."""
    process, hang = Process(folder), Hang(7, folder)
    for tenth in range(1, 60):
        process.show(state, share * tenth / 10)
        if hang.is_hung(tenth / 10):
            return tenth / 10
    return float("inf")


@pytest.mark.parametrize(
    ("state", "share", "after_s"),
    [
        ("T", 0.0, 0.3),  # stopped
        ("S", 0.0, 1.0),  # waits for something that never comes
        ("R", 1.0, 1.0),  # runs in circles
        ("R", 0.1, 2.5),  # gets no processor
        ("D", 0.0, 2.5),  # waits for a disk
    ],
)
def test_seconds_until_a_silent_process_counts_as_hung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, share: float, after_s: float
) -> None:
    monkeypatch.setattr("os.sysconf", lambda _name: HERTZ)
    assert hung_after_s(tmp_path, state, share) == after_s


def test_process_that_speaks_again_is_judged_anew(tmp_path: Path) -> None:
    process, hang = Process(tmp_path), Hang(7, tmp_path)
    process.show("T", 0.0)
    assert hang.is_hung(0.6)
    assert not hang.is_hung(0.1)


def test_without_proc_silence_alone_counts(tmp_path: Path) -> None:
    hang = Hang(None, tmp_path)
    assert not hang.is_hung(0.9)
    assert hang.is_hung(1.0)
