"""Logs every window's prediction, and the events of consecutive windows, as lines of JSON."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from roastwatch.detection.large.windows import Window
from roastwatch.detection.windowed_events import WindowEvent, WindowRule, WindowRun
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import CrackScore

_log = logging.getLogger(__name__)


class WindowLog:
    """Appends to a JSON Lines file. If the disk fails, lines are lost but the roast continues.

    A window is `{stream, start_s, end_s, probability}`, an event `{stream, event: {start_s,
    end_s, duration_s, windows, confidence}}`; seconds count from the start of the stream.
    """

    @staticmethod
    def prepare(path: Path) -> None:
        """Create the file if it does not exist.

        Raises:
            BadInputError: it can't be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise BadInputError(
                f"The log of windows {path} can't be written ({error.strerror}): choose another "
                "path with log_windows."
            ) from error

    def __init__(self, path: Path, stream: int, sample_rate_hz: int, rule: WindowRule) -> None:
        self._path = path
        self._stream = stream
        self._rate = sample_rate_hz
        self._run = WindowRun(rule)
        self._failed = False

    def write(self, windows: Sequence[Window], scores: Sequence[CrackScore]) -> None:
        """Append the predictions of windows, in order of time."""
        lines: list[dict[str, object]] = []
        for window, score in zip(windows, scores, strict=True):
            event = self._run.feed(window.start_sample, window.end_sample, score.probability)
            lines += self._event(event)
            lines.append(
                {
                    "stream": self._stream,
                    "start_s": round(window.start_sample / self._rate, 3),
                    "end_s": round(window.end_sample / self._rate, 3),
                    "probability": round(score.probability, 6),
                }
            )
        self._append(lines)

    def gap(self) -> None:
        """Sound is missing: end the present event."""
        self._append(self._event(self._run.close()))
        self._run.reset()

    def finish(self) -> None:
        """End the sound and the present event."""
        self.gap()

    def _event(self, event: WindowEvent | None) -> list[dict[str, object]]:
        if event is None or not self._run.keeps(event, self._rate):
            return []
        fields = {
            "start_s": round(event.start_sample / self._rate, 3),
            "end_s": round(event.end_sample / self._rate, 3),
            "duration_s": round(event.duration_s(self._rate), 3),
            "windows": event.windows,
            "confidence": round(event.confidence, 6),
        }
        return [{"stream": self._stream, "event": fields}]

    def _append(self, lines: list[dict[str, object]]) -> None:
        if not lines:
            return
        text = "".join(json.dumps(line) + "\n" for line in lines)
        try:
            # One write of whole lines, so that several streams can share the file.
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            if not self._failed:
                _log.warning("%s: %s; predictions are not logged", self._path, error.strerror)
            self._failed = True
