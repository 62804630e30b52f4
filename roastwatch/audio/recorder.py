"""Records roasts, and clips around detections. Off by default.

The event loop only copies memory; a separate thread writes. Memory is fixed: the newest sound with
16 bits, and a bounded queue to the thread. A disk that is full or too slow is reported and counted,
and the roast goes on.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from roastwatch.audio.disk_thread import DiskThread
from roastwatch.audio.history_ring import HistoryRing
from roastwatch.audio.recorder_disk import RecordedClip, RecordedRoast, RecorderDisk, grow, label
from roastwatch.audio.recorder_options import RecorderOptions
from roastwatch.audio.recordings import Int16Array, free_path, to_int16
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState, EventKind, RoastEvent

_BEFORE_DECISION_S = 60.0
"""How far a detection may be dated back and still have its onset in the clip."""
_LONGEST_GAP_S = 600.0
_LONGEST_ROAST_S = 2 * 3600.0
_CLIPPED = (EventKind.FIRST_CRACK, EventKind.SECOND_CRACK, EventKind.FIRST_CRACK_END)


@dataclass(slots=True)
class _Clip:
    """A detection whose clip is not complete yet."""

    event: RoastEvent
    first_sample: int
    end_sample: int


class Recorder:
    """Recorder of one station: a context manager; nothing is written outside it."""

    def __init__(
        self,
        options: RecorderOptions,
        folder: Path,
        station: str,
        sample_rate_hz: int,
        model_id: str,
        part: ComponentHealth,
        *,
        kept: Callable[[RecordedClip], None] | None = None,
    ) -> None:
        """Write to `roasts/<station>` and `clips/<station>` in `folder`.

        `kept` is called in the thread of the recorder with each clip that is on the disk.
        """
        self._options = options
        self._station = station
        self._rate = sample_rate_hz
        self._model_id = model_id
        self._part = part
        self._disk = RecorderDisk(options, folder, station, sample_rate_hz, part, kept)
        memory_s = _BEFORE_DECISION_S + 2 * options.clip_s
        self._recent = HistoryRing(round(memory_s * sample_rate_hz))
        self._pending: dict[str, _Clip] = {}
        self._written: dict[str, Path] = {}
        self._roast: RecordedRoast | None = None
        self._before: deque[RoastEvent] = deque(maxlen=8)
        """Events that arrive before the first sound of their roast, such as the charge."""
        self._scribe = DiskThread(part)

    async def __aenter__(self) -> Self:
        """Start, and recover files that a power failure left unfinished."""
        self._scribe.start()
        self._part.running()
        self._scribe.do(self._disk.recover)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Save pending clips, close the file of the roast, and wait for the disk."""
        self._cut_clips(everything=True)
        self._end_roast()
        await asyncio.shield(asyncio.to_thread(self._scribe.close))
        self._part.state = ComponentState.STOPPED

    def judged_by(self, model_id: str) -> None:
        """Set the id of the model for further recordings."""
        self._model_id = model_id

    def hear(self, block: AudioBlock, roast_id: str | None) -> None:
        """Take the next block, and the roast it belongs to (None: no roast)."""
        samples = to_int16(block.samples)
        if self._roast is not None and self._roast.roast_id != roast_id:
            self._end_roast()
        if self._options.roasts and roast_id is not None and self._roast is None:
            self._begin_roast(roast_id, block)
        self._recent.put(block.first_sample, samples)
        if self._roast is not None:
            self._record(self._roast, block, samples)
        self._cut_clips()

    def note(self, event: RoastEvent) -> None:
        """Take an event: a detection gets a clip, and every event is listed with the roast."""
        if self._roast is not None and event.roast_id == self._roast.roast_id:
            self._roast.events[event.event_id] = self._described(event, self._roast.first_sample)
        else:
            self._before.append(event)
        if not self._options.clips or event.kind not in _CLIPPED:
            return
        if event.event_id in self._written:
            path = self._written[event.event_id]
            self._scribe.do(partial(grow, path, event))
            return
        if event.decided_sample is None:
            return
        around = round(self._options.clip_s * self._rate)
        happened = event.happened_sample
        first = min(event.decided_sample, event.decided_sample if happened is None else happened)
        earlier = self._pending.get(event.event_id)
        self._pending[event.event_id] = _Clip(
            event,
            min(first - around, earlier.first_sample if earlier else first),
            event.decided_sample + around,
        )

    def _cut_clips(self, *, everything: bool = False) -> None:
        for event_id, clip in list(self._pending.items()):
            if not everything and self._recent.end < clip.end_sample:
                continue
            del self._pending[event_id]
            first, samples = self._recent.cut(max(0, clip.first_sample), clip.end_sample)
            if not len(samples):
                continue
            event = clip.event
            path = free_path(self._disk.clips, event.event_id)
            sidecar = {
                "event_id": event.event_id,
                "station": self._station,
                "roast_id": event.roast_id,
                "model_id": self._model_id,
                "sample_rate_hz": self._rate,
                "first_sample": first,
                "duration_s": round(len(samples) / self._rate, 3),
                **self._described(event, first),
                "label": label(event),
            }
            self._written[event_id] = path
            if len(self._written) > 64:
                self._written.pop(next(iter(self._written)))
            self._scribe.do(partial(self._disk.save_clip, path, samples, sidecar))

    def _described(self, event: RoastEvent, first_sample: int) -> dict[str, Any]:
        def seconds(sample: int | None) -> float | None:
            return None if sample is None else round((sample - first_sample) / self._rate, 3)

        return {
            "event_id": event.event_id,
            "kind": event.kind.value,
            "level": event.level.value if event.level else None,
            "origin": event.origin.value,
            "happened_s": seconds(event.happened_sample),
            "decided_s": seconds(event.decided_sample),
            "confidence": event.confidence,
            "revoked": event.revoked,
        }

    def _begin_roast(self, roast_id: str, block: AudioBlock) -> None:
        now = datetime.now(UTC)
        first = block.first_sample
        path = free_path(self._disk.roasts, roast_id)
        self._roast = RecordedRoast(roast_id, self._model_id, path, first, first, now)
        for event in self._before:
            if event.roast_id == roast_id:
                self._roast.events[event.event_id] = self._described(event, first)
        self._before.clear()

    def _record(self, roast: RecordedRoast, block: AudioBlock, samples: Int16Array) -> None:
        if block.end_sample - roast.first_sample > _LONGEST_ROAST_S * self._rate:
            return
        gap = block.first_sample - roast.next_sample
        if gap > 0:
            roast.gaps.append(
                {
                    "at_s": round((roast.next_sample - roast.first_sample) / self._rate, 3),
                    "lost_s": round(gap / self._rate, 3),
                }
            )
            gap = min(gap, round(_LONGEST_GAP_S * self._rate))
        # A block that does not fit into the queue leaves a gap, which the next one reports.
        if self._scribe.do(partial(self._disk.save_sound, roast, gap, samples), len(samples)):
            roast.next_sample = block.end_sample

    def _end_roast(self) -> None:
        roast, self._roast = self._roast, None
        if roast is not None:
            self._scribe.do(partial(self._disk.save_roast, roast))
