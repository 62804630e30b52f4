"""A large model in shadow mode: it scores but decides nothing; disagreements are logged.

It runs in its own thread. Live, it skips and counts windows that it is too slow for. A recording,
which is read faster than real time, waits for it.
"""

import logging
import queue
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from roastwatch.detection.large.verifier import MARGIN_S, LazyWindows, ListenerOptions, Verdict
from roastwatch.detection.large.windowed import Windowed, WindowedOptions
from roastwatch.detection.large.windowed_log import WindowLog
from roastwatch.detection.large.windows import Window
from roastwatch.detection.model import CrackStream, ModelSpec
from roastwatch.vocabulary import CrackScore, Float32Array

_AHEAD = 8
"""Most windows that wait for the large model."""
_log = logging.getLogger(__name__)


class ShadowOptions(ListenerOptions):
    """A small model that decides and a large one that only scores."""

    shadow: WindowedOptions = Field(
        description="The large model that decides nothing: the options of `windowed`."
    )
    pops_in_window: int = Field(
        2,
        description="Least pops in a window for the listener to count as detecting first crack.",
        ge=1,
        le=100,
    )


class Shadow:
    """The unchanged listener, with a large model in shadow mode."""

    Options: ClassVar[type[ShadowOptions]] = ShadowOptions

    def __init__(self, options: ShadowOptions) -> None:
        self._options = options
        self._small = options.listens()
        self._large = Windowed(options.shadow)
        self._spec = replace(
            self._small.spec,
            description=f"{self._small.spec.description} In shadow mode: "
            f"{self._large.spec.description}",
        )

    @property
    def spec(self) -> ModelSpec:
        """The listener's, which decides."""
        return self._spec

    def open(self, sample_rate_hz: int) -> "ShadowStream":
        """Open a new stream.

        Raises:
            BadInputError: one of the two does not accept this sample rate.
        """
        self._large.open(sample_rate_hz)  # raises if the rate is too low
        return ShadowStream(
            self._small.open(sample_rate_hz),
            self._large,
            sample_rate_hz,
            pop_threshold=self._small.spec.pop_threshold,
            pops_in_window=self._options.pops_in_window,
        )


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Consecutive windows in which only one of the two models detected first crack."""

    start_s: float
    end_s: float
    by_large: bool
    """Whether the large model detected it (and the listener did not)."""
    probability: float
    """The large model's: its highest if it detected first crack, else its lowest."""
    pops: int
    """The listener's most pops in one of the windows."""

    def __str__(self) -> str:
        """Text for the log."""
        where = f"from {self.start_s:.1f} to {self.end_s:.1f} s"
        if self.by_large:
            return (
                f"{where} the large model detects first crack (up to {self.probability:.2f}), the "
                f"listener does not (at most {self.pops} pops in a window)"
            )
        return (
            f"{where} the listener detects first crack (up to {self.pops} pops in a window), the "
            f"large model does not (down to {self.probability:.2f})"
        )


class ShadowStream:
    """One stream with the listener's exact scores."""

    def __init__(
        self,
        small: CrackStream,
        large: Windowed,
        sample_rate_hz: int,
        *,
        pop_threshold: float,
        pops_in_window: int,
    ) -> None:
        """Join a listener's stream and a large model."""
        self._small = small
        self._large = large
        self._rate = sample_rate_hz
        self._threshold = pop_threshold
        self._needed = pops_in_window
        self._windows = large.window_stream(sample_rate_hz)
        self._judge = LazyWindows(large, sample_rate_hz).judge
        self._waiting: queue.Queue[Window | None] = queue.Queue(_AHEAD)
        self._verdicts: deque[Verdict] = deque()
        self._pops: deque[int] = deque()
        self._heard = 0
        self._began_s: float | None = None
        self._open: Disagreement | None = None
        self.disagreements: list[Disagreement] = []
        self.judged = 0
        self.skipped = 0
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._failed = False

    def push(self, samples: Float32Array) -> list[CrackScore]:
        """Take the next samples, shape (n,); return the listener's scores."""
        if self._began_s is None:
            self._began_s = time.monotonic()
            self._thread.start()
        scores = self._small.push(samples)
        self._note(scores)
        self._show(self._windows.push(samples))
        self._compare(self._heard - MARGIN_S * self._rate)
        return scores

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` are missing here."""
        self._small.reset(gap_samples)
        self._windows.reset(gap_samples)

    def finish(self) -> list[CrackScore]:
        """End the sound: wait for the large model and log the last disagreements."""
        scores = self._small.finish()
        self._note(scores)
        if self._thread.is_alive():
            self._show(self._windows.finish(), wait=True)
            self._waiting.put(None)
            self._thread.join()
        self._compare(float("inf"))
        self._close()
        _log.info(
            "judged %d windows, skipped %d; %d disagreements",
            self.judged,
            self.skipped,
            len(self.disagreements),
        )
        return scores

    def _note(self, scores: list[CrackScore]) -> None:
        for score in scores:
            self._heard = score.end_sample
            self._pops.extend(p.sample for p in score.pops if p.probability >= self._threshold)

    def _show(self, windows: list[Window], *, wait: bool = False) -> None:
        """Hand windows to the large model's thread."""
        for window in windows:
            # Sound that is not faster than real time may be live and must not wait.
            began_s = self._began_s or 0.0
            faster = window.end_sample / self._rate > time.monotonic() - began_s + 1.0
            try:
                self._waiting.put(window, block=wait or faster)
            except queue.Full:
                self.skipped += 1
                if self.skipped == 1:
                    _log.warning("the large model is slower than real time here and skips windows")

    def _work(self) -> None:
        log_path, rule = self._large.options.log_windows, self._large.spec.window_rule
        log = WindowLog(log_path, 0, self._rate, rule) if log_path and rule else None
        while (window := self._waiting.get()) is not None:
            if self._failed:
                continue
            try:
                verdict = self._judge(window)
            except Exception as error:  # noqa: BLE001 - a shadow must not end a roast
                self._failed = True
                first = next(iter(str(error).splitlines()), type(error).__name__)
                _log.warning("the large model failed (%s): continuing without it", first)
                continue
            self.judged += 1
            self._verdicts.append(verdict)
            if log is not None:
                score = CrackScore(window.end_sample, 0.0, verdict.probability, "")
                log.write([window], [score])

    def _compare(self, known: float) -> None:
        """Compare verdicts with the listener's pops up to a sample."""
        while self._verdicts and self._verdicts[0].end_sample <= known:
            verdict = self._verdicts.popleft()
            while self._pops and self._pops[0] < verdict.start_sample:
                self._pops.popleft()
            pops = sum(sample < verdict.end_sample for sample in self._pops)
            if verdict.positive == (pops >= self._needed):
                self._close()
                continue
            self._differ(verdict, pops)

    def _differ(self, verdict: Verdict, pops: int) -> None:
        start_s, end_s = verdict.start_sample / self._rate, verdict.end_sample / self._rate
        last = self._open
        if last is not None and (last.by_large != verdict.positive or start_s > last.end_s):
            self._close()
            last = None
        if last is None:
            self._open = Disagreement(start_s, end_s, verdict.positive, verdict.probability, pops)
            return
        choose = max if verdict.positive else min
        self._open = replace(
            last,
            end_s=end_s,
            probability=choose(last.probability, verdict.probability),
            pops=max(last.pops, pops),
        )

    def _close(self) -> None:
        if self._open is not None:
            self.disagreements.append(self._open)
            _log.warning("%s", self._open)
            self._open = None
