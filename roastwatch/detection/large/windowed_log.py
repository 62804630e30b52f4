"""Every window's prediction as a line of JSON, and the events that windows merge into."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from roastwatch.detection.large.windows import Window
from roastwatch.detection.windowed_events import WindowEvent, WindowRule, WindowRun
from roastwatch.errors import BadInputError
from roastwatch.vocabulary import CrackScore

_log = logging.getLogger("roastwatch.windowed")


class WindowLog:
    """Appends to a JSON Lines file. A disk that fails costs the lines, never the roast.

    A window is `{stream, start_s, end_s, probability}`, an event `{stream, event: {start_s,
    end_s, duration_s, windows, confidence}}`; seconds count from the start of the stream.
    """

    @staticmethod
    def prepare(path: Path) -> None:
        """Make the file if it is not there.

        Raises:
            BadInputError: it can't be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise BadInputError(
                f"The log of windows {path} can't be written ({error.strerror}): name another "
                "place with log_windows."
            ) from error

    def __init__(self, path: Path, stream: int, sample_rate_hz: int, rule: WindowRule) -> None:
        self._path = path
        self._stream = stream
        self._rate = sample_rate_hz
        self._run = WindowRun(rule)
        self._failed = False

    def write(self, windows: Sequence[Window], scores: Sequence[CrackScore]) -> None:
        """The predictions of some windows, in order of time."""
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
        """Sound is missing here: an event does not reach across."""
        self._append(self._event(self._run.close()))
        self._run.reset()

    def finish(self) -> None:
        """The sound ends, and with it the event that is going on."""
        self.gap()

    def _event(self, event: WindowEvent | None) -> list[dict[str, object]]:
        if event is None or not self._run.keeps(event, self._rate):
            return []
        told = {
            "start_s": round(event.start_sample / self._rate, 3),
            "end_s": round(event.end_sample / self._rate, 3),
            "duration_s": round(event.duration_s(self._rate), 3),
            "windows": event.windows,
            "confidence": round(event.confidence, 6),
        }
        return [{"stream": self._stream, "event": told}]

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
                _log.warning("%s: %s; predictions are lost", self._path, error.strerror)
            self._failed = True
