"""Shared by cascade and shadow: the small model that listens and a large one that verifies."""

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
"""A window is available this long after its end, so that availability does not depend on the size
of blocks (resampling and frames work in groups)."""
_KEPT_S = 120.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A large model's verdict on one window. Samples count at the source's rate."""

    start_sample: int
    end_sample: int
    probability: float
    positive: bool


class Verifier(Protocol):
    """A large model on a stream, computed only on request."""

    windows: int
    """Number of windows."""
    calls: int
    """Number of judged windows."""

    def push(self, samples: Float32Array) -> None:
        """Take the next samples, shape (n,)."""
        ...

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` are missing here."""
        ...

    def at(self, sample: int) -> Verdict | None:
        """The verdict on the newest window available at a sample; None before the first."""
        ...


class LazyWindows:
    """A windowed model that judges a window on request."""

    def __init__(self, model: Windowed, sample_rate_hz: int) -> None:
        self._model = model
        self._rate = sample_rate_hz
        self._stream: WindowStream = model.window_stream(sample_rate_hz)
        self._known: deque[Window] = deque()
        self._asked: tuple[int, Verdict] | None = None
        self.windows = 0
        self.calls = 0

    def push(self, samples: Float32Array) -> None:
        """Take the next samples; run only the front end."""
        new = self._stream.push(samples)
        self.windows += len(new)
        self._known.extend(new)
        oldest = self._stream.received_samples - _KEPT_S * self._rate
        while len(self._known) > 1 and self._known[0].end_sample < oldest:
            self._known.popleft()

    def reset(self, gap_samples: int) -> None:
        """Sound is missing: forget the windows before it."""
        self._stream.reset(gap_samples)
        self._known.clear()

    def at(self, sample: int) -> Verdict | None:
        """The verdict on the newest window available at a sample."""
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
        """Compute the verdict on one window."""
        self.calls += 1
        (score,) = self._model.scores([window])
        rule = self._model.spec.window_rule
        positive = score.probability >= (rule.threshold if rule else 0.5)
        return Verdict(window.start_sample, window.end_sample, score.probability, positive)


class ListenerOptions(Options):
    """Options of the listener."""

    listener: str = Field(DEFAULT_LISTENER, description="Name of the small model that listens.")
    listener_options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the model that listens."
    )

    def listens(self) -> CrackModel:
        """Load the listener.

        Raises:
            SettingsError: the name is unknown, the model does not localise, or an option is wrong.
        """
        return _listener(self.listener, self.listener_options)


OpenVerifier = Callable[[int], Verifier]
"""OpenVerifier a verifier for a stream of a sample rate in Hz."""


def _listener(name: str, options: dict[str, Any]) -> CrackModel:
    points = {point.name: point for point in entry_points(group="roastwatch.models")}
    if name not in points or name in ("cascade", "shadow", "windowed"):
        fit = sorted(set(points) - {"cascade", "shadow", "windowed"})
        raise SettingsError(f"listener: '{name}' cannot listen; choose one of {', '.join(fit)}.")
    plugin = points[name].load()
    try:
        chosen = plugin.Options.model_validate(options)
    except ValidationError as error:
        raise SettingsError(explained(error, plugin.Options, "listener_options")) from error
    model: CrackModel = plugin(chosen)
    if not model.spec.localises:
        raise SettingsError(f"listener: '{name}' cannot listen because it gives no single pops.")
    return model
