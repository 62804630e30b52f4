"""A rehearsal: `roastwatch roaster simulate` in a process of its own, bounded in time and number.

The model runs behind the interlocks of a real machine. It opens no device, and nothing that it
does reaches the roaster of a station.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.printing.sentences import for_people
from roastwatch.web.plans.asking import Wanted
from roastwatch.web.plans.bounds import MOST_POINTS
from roastwatch.web.plans.files import written
from roastwatch.web.roasts import processes
from roastwatch.web.roasts.door import BusyError

_AT_ONCE = 2
_WITHIN_S = 90.0


class Rehearsals:
    """Runs rehearsals, a few at once."""

    def __init__(self) -> None:
        self._running = 0

    async def run(self, wanted: Wanted, folder: Path | None, *, roasting: bool) -> dict[str, Any]:
        """Rehearse a plan.

        Args:
            wanted: the plan, the batch, and who reads the sentences.
            folder: where its background lies.
            roasting: whether a roast is in progress, which it must not disturb.

        Raises:
            BadInputError: the plan can't be rehearsed.
            BusyError: too many at once, or it takes too long.
        """
        if self._running >= _AT_ONCE:
            raise BusyError("Other plans are being rehearsed: try again in a few seconds.")
        self._running += 1
        try:
            return _shown(await self._simulate(wanted, folder, roasting=roasting), wanted)
        finally:
            self._running -= 1

    async def _simulate(
        self, wanted: Wanted, folder: Path | None, *, roasting: bool
    ) -> dict[str, Any]:
        plan = wanted.plan
        if plan.background is not None and folder is not None:
            plan = plan.model_copy(update={"background": folder / plan.background})
        nice = processes.NOBODY_WAITS if roasting else processes.SOMEBODY_WAITS
        with tempfile.TemporaryDirectory(prefix="roastwatch-") as place:
            file = Path(place, "plan.yaml")
            await asyncio.to_thread(file.write_text, written(plan), "utf-8")
            batch = ("--beans-g", f"{wanted.beans_g:g}", "--drum-c", f"{wanted.drum_c:g}")
            command = ("roaster", "simulate", "--json", *batch, "--", file)
            try:
                async with (
                    asyncio.timeout(_WITHIN_S),
                    processes.running(*command, nice=nice) as process,
                ):
                    end = await processes.ended(process)
            except TimeoutError as error:
                raise BusyError(
                    f"The rehearsal took longer than {_WITHIN_S:g} s: this computer is busy, "
                    "try again later."
                ) from error
        try:
            found: dict[str, Any] = json.loads(end.output)
        except ValueError as error:
            raise BadInputError(end.sentence) from error
        return found


def _shown(found: dict[str, Any], wanted: Wanted) -> dict[str, Any]:
    def said(sentence: str | None) -> str | None:
        if sentence is None:
            return None
        return for_people(sentence, wanted.language, fahrenheit=wanted.fahrenheit)

    readings, charge_s = found["readings"], found["charge_s"]
    notes = [(row["elapsed_s"], "plan", row["reason"]) for row in found["refused"]]
    notes += [(row["elapsed_s"], "interlock", row["message"]) for row in found["told"]]
    once = dict.fromkeys((at_s, text) for at_s, _, text in notes)
    kinds = {(at_s, text): kind for at_s, kind, text in notes}
    profile = found["profile"][:: 1 + len(found["profile"]) // MOST_POINTS]
    return {
        "at_s": [row["elapsed_s"] for row in readings],
        **{
            name: [row[name] for row in readings]
            for name in ("bean_temp_c", "environment_temp_c", "heater_percent", "fan_percent")
        },
        "profile": [[at_s + charge_s, bean_c] for at_s, bean_c in profile]
        if charge_s is not None
        else [],
        "steps": [{"at_s": row["elapsed_s"], "index": row["index"]} for row in found["steps"]],
        "events": [{"at_s": at_s, "kind": kind} for kind, at_s in found["events"].items()],
        "notes": [
            {"at_s": at_s, "kind": kinds[at_s, text], "text": said(text)}
            for at_s, text in sorted(once)
        ],
        "charge_s": charge_s,
        "hottest_c": round(found["hottest_c"], 1),
        "deviation_rms_c": found["deviation_rms_c"],
        "ended_by": said(found["tripped"]),
        "unheated": said(found["unheated"]),
    }
