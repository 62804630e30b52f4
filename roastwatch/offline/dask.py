"""Analyse recordings on a Dask cluster.

The workers must see the recordings at the same paths and have the same roastwatch installed.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import distributed as _distributed

from roastwatch import __version__
from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.offline.batch import Job, Result, failure, judge_here

distributed: Any = _distributed  # it is not typed
_WAIT_S = 20
_AHEAD = 4
"""Tasks queued per worker, so that none waits for the scheduler."""


class DaskCluster:
    """A running cluster by its scheduler's address, or `local` to start one here."""

    def __init__(self, job: Job, address: str, workers: int) -> None:
        self._job = job
        self._address = address
        self._workers = max(1, workers)

    def run(self, paths: list[Path]) -> Iterator[Result]:
        """Yield one result for each path, as they are ready.

        Raises:
            BadInputError: no scheduler answers, it has no workers, or they run another version.
        """
        # We report a worker that dies ourselves.
        for name in ("distributed", "distributed.scheduler", "distributed.nanny", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self._address != "local":
            yield from self._with(self._connect(self._address), paths)
            return
        with distributed.LocalCluster(
            n_workers=self._workers, threads_per_worker=1, dashboard_address=None
        ) as cluster:
            yield from self._with(self._connect(cluster), paths)

    def _connect(self, where: object) -> Any:
        try:
            return distributed.Client(where, timeout=_WAIT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise BadInputError(
                f"No Dask scheduler answers at {self._address}. Start one with `dask scheduler` "
                "and workers with `dask worker ADDRESS`, or use `--cluster local`."
            ) from error

    def _with(self, client: Any, paths: list[Path]) -> Iterator[Result]:
        with client:
            try:
                client.wait_for_workers(1, timeout=_WAIT_S)
            except TimeoutError:
                raise BadInputError(
                    f"The Dask scheduler at {self._address} has no workers. Start some with "
                    f"`dask worker {self._address}`."
                ) from None
            _same_version(client)
            # Absolute paths, because a worker's working directory is another.
            named = {str(path.absolute()): path for path in paths}
            waiting = iter(named)
            ahead = _AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            running = distributed.as_completed()
            for _, place in zip(range(ahead), waiting, strict=False):
                running.add(self._submit(client, place))
            for future in running:
                place = future.key.removeprefix("roastwatch:")
                yield _result(future, place, named[place])
                for following in waiting:
                    running.add(self._submit(client, following))
                    break

    def _submit(self, client: Any, place: str) -> Any:
        return client.submit(
            judge_here, self._job, place, key=f"roastwatch:{place}", pure=False, retries=1
        )


def _result(future: Any, place: str, path: Path) -> Result:
    try:
        result: Result = future.result()
    except distributed.KilledWorker:
        return failure(path, f"Workers died while they analysed {path}: memory may be short there.")
    except RoastwatchError:
        raise  # the model can't be had there: no recording can be judged
    except Exception as error:  # noqa: BLE001 - whatever the far side raised
        return failure(path, f"The cluster failed on {path} ({type(error).__name__}: {error}).")
    local = {**result, "file": str(path)}
    if "error" in local:
        local["error"] = local["error"].replace(place, str(path))
    return local


def _installed() -> str:
    return __version__


def _same_version(client: Any) -> None:
    try:
        found = set(client.run(_installed).values())
    except Exception as error:
        raise BadInputError(
            f"The cluster's workers can't run roastwatch ({error}). Install roastwatch "
            f"{__version__} on each of them."
        ) from error
    if found != {__version__}:
        raise BadInputError(
            f"The cluster's workers have roastwatch {', '.join(sorted(found))}; this is "
            f"{__version__}. Install the same version everywhere."
        )
