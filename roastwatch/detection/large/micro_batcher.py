"""Batches windows of several threads, so that many short recordings fill a batch together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from roastwatch.vocabulary import Float32Array


@dataclass(slots=True, eq=False)
class _Request:
    inputs: Float32Array
    outputs: Float32Array | None = None
    error: BaseException | None = None


class MicroBatcher:
    """Runs a function on the joined inputs of participating threads.

    A batch runs when it is full, or when every participating thread waits for it. A thread that is
    reading a file therefore delays the others only while it reads.
    """

    def __init__(self, run: Callable[[Float32Array], Float32Array], batch: int) -> None:
        self._run = run
        self._batch = batch
        self._changed = threading.Condition()
        self._taking_part = 0
        self._waiting: list[_Request] = []

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """Participate: the thread calls repeatedly until it leaves this context."""
        with self._changed:
            self._taking_part += 1
        try:
            yield
        finally:
            with self._changed:
                self._taking_part -= 1
                self._changed.notify_all()

    def __call__(self, inputs: Float32Array) -> Float32Array:
        """The function's outputs for these inputs; the first axis is windows."""
        mine = _Request(inputs)
        with self._changed:
            self._waiting.append(mine)
            self._changed.notify_all()
            while mine.outputs is None and mine.error is None and not self._due(mine):
                self._changed.wait()
            if mine.outputs is not None:
                return mine.outputs
            if mine.error is not None:
                raise mine.error
            together, self._waiting = self._waiting, []
        try:
            outputs = self._run(np.concatenate([request.inputs for request in together]))
        except BaseException as error:
            with self._changed:
                for request in together:
                    request.error = error
                self._changed.notify_all()
            raise
        with self._changed:
            ends = np.cumsum([len(request.inputs) for request in together])
            for request, part in zip(together, np.split(outputs, ends[:-1]), strict=True):
                request.outputs = part
            self._changed.notify_all()
        own: Float32Array = np.split(outputs, ends[:-1])[together.index(mine)]
        return own

    def _due(self, mine: _Request) -> bool:
        """Whether the thread of this request must run the waiting batch."""
        if mine not in self._waiting:
            return False  # another thread runs it
        full = sum(len(request.inputs) for request in self._waiting) >= self._batch
        return full or len(self._waiting) >= self._taking_part
