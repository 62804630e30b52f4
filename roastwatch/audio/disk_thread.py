"""A thread that writes to the disk, so that the event loop never waits for it."""

import logging
import queue
import threading
from collections.abc import Callable

from roastwatch.errors import LostError
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import ComponentState

_log = logging.getLogger(__name__)
_QUEUE = 1200
_LAST_WRITES_S = 30.0


class DiskThread:
    """Runs work in order in its own thread. The queue is bounded; what does not fit is refused."""

    def __init__(self, part: ComponentHealth) -> None:
        """`part` reports and counts failures."""
        self._part = part
        self._work: queue.Queue[Callable[[], object] | None] = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Finish the queued work, or give up after 30 s."""
        self._work.put(None)
        self._thread.join(timeout=_LAST_WRITES_S)

    def do(self, work: Callable[[], object], samples: int = 0) -> bool:
        """Queue work; if the queue is full, count its samples as unrecorded and return False."""
        try:
            self._work.put_nowait(work)
        except queue.Full:
            self._part.count("samples_unrecorded", samples)
            self._part.trouble(
                ComponentState.DEGRADED, "The disk is too slow to record this sound."
            )
            return False
        return True

    def _write(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except LostError as error:
                self._part.count("failures")
                self._part.trouble(ComponentState.DEGRADED, str(error))
            except Exception as error:  # noqa: BLE001 - recording is optional: the roast goes on
                self._part.count("failures")
                self._part.trouble(ComponentState.DEGRADED, f"Recording failed: {error!r}.")
                _log.debug("recording failed", exc_info=True)
