"""Analyse recordings in processes on this machine; each loads its own model once.

If a process dies, its recording is given to another one, once.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from roastwatch.errors import RoastwatchError
from roastwatch.offline.batch import Job, Result, failure, judge

_TRIES = 2
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: bool = False
    doing: set[Path] = field(default_factory=set)


class LocalWorkers:
    """Runs `processes`; each analyses `files_at_once` recordings, whose windows share batches."""

    def __init__(self, job: Job, workers: int, files_at_once: int = 1) -> None:
        self._job = job
        self._count = max(1, workers)
        self._files_at_once = max(1, files_at_once)

    def run(self, paths: list[Path]) -> Iterator[Result]:
        """Yield one result for each path, as they are ready.

        Raises:
            RoastwatchError: the model can't be loaded, or processes can't be kept alive.
        """
        waiting, tries = deque(paths), dict.fromkeys(paths, 0)
        workers: list[_Worker] = []
        failed_starts = 0
        try:
            while waiting or any(worker.doing for worker in workers):
                wanted = min(self._count, len(waiting) + sum(len(w.doing) for w in workers))
                while len(workers) < wanted:
                    workers.append(self._start())
                self._hand_out(workers, waiting, tries)
                for ready in wait([w.pipe for w in workers], timeout=1.0):
                    worker = next(w for w in workers if w.pipe is ready)
                    try:
                        kind, value = worker.pipe.recv()
                    except (EOFError, OSError):
                        workers.remove(worker)
                        failed_starts = 0 if worker.ready else failed_starts + 1
                        yield from self._reap(worker, waiting, tries, failed_starts)
                        continue
                    if kind == "ready":
                        worker.ready = True
                    elif kind == "refused":
                        raise RoastwatchError(value)
                    else:
                        worker.doing.discard(Path(value["file"]))
                        yield value
        finally:
            _stop(workers)

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        our_end, their_end = context.Pipe()
        process = context.Process(
            target=_serve, args=(self._job, their_end, self._files_at_once), daemon=True
        )
        with _environment():
            process.start()
        their_end.close()  # so that our end closes when the process dies
        return _Worker(process, our_end)

    def _hand_out(
        self, workers: list[_Worker], waiting: deque[Path], tries: dict[Path, int]
    ) -> None:
        for worker in workers:
            while worker.ready and waiting and len(worker.doing) < self._files_at_once:
                path = waiting.popleft()
                try:
                    worker.pipe.send(str(path))
                except OSError:  # it is dead, which is handled elsewhere
                    waiting.appendleft(path)
                    break
                tries[path] += 1
                worker.doing.add(path)

    def _reap(
        self, worker: _Worker, waiting: deque[Path], tries: dict[Path, int], failed_starts: int
    ) -> Iterator[Result]:
        worker.process.join(5)
        worker.pipe.close()
        code = worker.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        if failed_starts >= 3:
            raise RoastwatchError(
                f"Worker processes die before they are ready ({how}). Memory may be short: use "
                "fewer --workers."
            )
        for path in sorted(worker.doing):
            if tries[path] < _TRIES:
                waiting.append(path)
            else:
                yield failure(
                    path,
                    f"The worker process died {_TRIES} times while it analysed {path} ({how}). "
                    "Memory may be short: use fewer --workers or a smaller --batch.",
                )


@contextmanager
def _environment() -> Iterator[None]:
    """Limit numeric threads: each process must not use all cores for a small matrix product."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update({name: "1" for name, value in before.items() if value is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


def _stop(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.pipe.close()
        worker.process.terminate()
    for worker in workers:
        worker.process.join(5)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


def _serve(job: Job, pipe: Connection, files_at_once: int) -> None:
    """A worker process: load the model, then analyse what is requested until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    try:
        model = job.load()
    except RoastwatchError as error:
        pipe.send(("refused", str(error)))
        return
    sending = threading.Lock()

    def one(path: str) -> None:
        share: Any = getattr(model, "sharing", None)
        together: AbstractContextManager[None] = share() if share else nullcontext()
        with together:
            result = judge(job, model, Path(path))
        with sending:
            pipe.send(("result", result))

    with ThreadPoolExecutor(files_at_once) as pool:
        pipe.send(("ready", None))
        while True:
            try:
                pool.submit(one, pipe.recv())
            except (EOFError, OSError):
                return
