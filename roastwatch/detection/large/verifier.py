"""What cascade and shadow share: the model that listens, and a large one beside it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from pydantic import Field, ValidationError

from roastwatch.detection.large.windowed import Windowed
from roastwatch.detection.large.windows import Window, WindowStream
from roastwatch.detection.model import CrackModel
from roastwatch.errors import SettingsError
from roastwatch.options import Options, explained
from roastwatch.vocabulary import Float32Array

DEFAULT_LISTENER = "pops"
MARGIN_S = 0.75
"""A window counts as known so long after its end, so that what is known never depends on how the
sound was cut (resampling and frames come in groups)."""
_KEPT_S = 120.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a large model says of one window; samples count at the source's rate."""

    start_sample: int
    end_sample: int
    probability: float
    positive: bool


class Verifier(Protocol):
    """A large model's view of a stream; nothing is computed before it is asked."""

    windows: int
    """Windows so far."""
    calls: int
    """Windows that were judged."""

    def push(self, samples: Float32Array) -> None:
        """Take the next samples, shape (n,)."""
        ...

    def reset(self, gap_samples: int) -> None:
        """So many samples are missing here."""
        ...

    def at(self, sample: int) -> Verdict | None:
        """Of the newest window known at this sample of the stream; None before the first."""
        ...


class LazyWindows:
    """A windowed model that judges a window when its verdict is asked for."""

    def __init__(self, model: Windowed, sample_rate_hz: int) -> None:
        self._model = model
        self._rate = sample_rate_hz
        self._stream: WindowStream = model.window_stream(sample_rate_hz)
        self._known: deque[Window] = deque()
        self._asked: tuple[int, Verdict] | None = None
        self.windows = 0
        self.calls = 0

    def push(self, samples: Float32Array) -> None:
        """Take the next samples; front end only."""
        new = self._stream.push(samples)
        self.windows += len(new)
        self._known.extend(new)
        oldest = self._stream.received_samples - _KEPT_S * self._rate
        while len(self._known) > 1 and self._known[0].end_sample < oldest:
            self._known.popleft()

    def reset(self, gap_samples: int) -> None:
        """Sound is missing: what was heard before says nothing of what follows."""
        self._stream.reset(gap_samples)
        self._known.clear()

    def at(self, sample: int) -> Verdict | None:
        """The verdict of the newest window known at a sample."""
        limit = sample - MARGIN_S * self._rate
        newest = None
        for window in self._known:
            if window.end_sample > limit:
                break
            newest = window
        if newest is None:
            return None
        if self._asked is None or self._asked[0] != newest.index:
            self._asked = (newest.index, self.judge(newest))
        return self._asked[1]

    def judge(self, window: Window) -> Verdict:
        """The verdict of one window, computed now."""
        self.calls += 1
        (score,) = self._model.scores([window])
        rule = self._model.spec.window_rule
        positive = score.probability >= (rule.threshold if rule else 0.5)
        return Verdict(window.start_sample, window.end_sample, score.probability, positive)


class ListenerOptions(Options):
    """Which small model listens."""

    listener: str = Field(DEFAULT_LISTENER, description="Name of the small model that listens.")
    listener_options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the model that listens."
    )

    def listens(self) -> CrackModel:
        """That model.

        Raises:
            SettingsError: there is none of that name, it does not localise, or an option is wrong.
        """
        return _listener(self.listener, self.listener_options)


Opens = Callable[[int], Verifier]
"""A sample rate in Hz → a second opinion on a stream of it."""


def _listener(name: str, options: dict[str, Any]) -> CrackModel:
    points = {point.name: point for point in entry_points(group="roastwatch.models")}
    if name not in points or name in ("cascade", "shadow", "windowed"):
        fit = sorted(set(points) - {"cascade", "shadow", "windowed"})
        raise SettingsError(f"listener: '{name}' is no model that can listen: {', '.join(fit)}.")
    plugin = points[name].load()
    try:
        chosen = plugin.Options.model_validate(options)
    except ValidationError as error:
        raise SettingsError(explained(error, plugin.Options, "listener_options")) from error
    model: CrackModel = plugin(chosen)
    if not model.spec.localises:
        raise SettingsError(f"listener: '{name}' gives no single pops, so it can't listen here.")
    return model
