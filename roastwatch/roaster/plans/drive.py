"""Follow a plan to its end on a roaster: `roastwatch roaster drive`."""

import asyncio
import csv
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from roastwatch.errors import BadInputError
from roastwatch.files.private import make_file, make_folder
from roastwatch.printing.times import clock
from roastwatch.roaster.client.control import (
    GuardianNotice,
    RoasterControl,
    closed,
    door_stands_open,
)
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.handover import setpoints_of
from roastwatch.roaster.plans.actions import (
    Action,
    Answer,
    Charge,
    Dropped,
    Moment,
    Say,
    Set,
    Took,
    carry_out,
)
from roastwatch.roaster.plans.drive_end import UNKNOWN_S, Afterheat
from roastwatch.roaster.plans.executor import PlanExecutor
from roastwatch.roaster.plans.pid import SetpointProfile
from roastwatch.roaster.plans.plan import Plan
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Origin,
    Outcome,
    Reading,
)

TURN_S = 0.05
REPORT_S = 5.0
STAY_TURN_S = 0.25
ENDED = "The drive has ended."
STILL_HEATS = "The roaster heats although heat is off: pull the plug."
STILL_RISES = "The temperature still rises although heat is off: pull the plug."
_COLUMNS = (
    "time_utc",
    "elapsed_s",
    "bean_temp_c",
    "environment_temp_c",
    "heater_percent",
    "fan_percent",
    "drum_percent",
    "cooling_percent",
    "door_open",
)


class DriveLog:
    """Readings as CSV at `path`, commands and events as JSON lines beside it (`.jsonl`)."""

    def __init__(self, path: Path) -> None:
        """Create both files. Raises BadInputError if they can't be written."""
        self.path = path
        self.lines_path = path.with_suffix(".jsonl")
        if self.lines_path == path:
            self.path = path.with_suffix(".csv")
        try:
            make_folder(self.path.parent)
            make_file(self.path)
            make_file(self.lines_path)
            self._rows_file: IO[str] = self.path.open("w", newline="", encoding="utf-8")
            self._lines_file: IO[str] = self.lines_path.open("w", encoding="utf-8")
        except OSError as error:
            raise BadInputError(
                f"The log {path} can't be written ({error.strerror}): choose another --log-file."
            ) from error
        self._rows = csv.writer(self._rows_file)
        self._rows.writerow(_COLUMNS)
        self.works = True

    def reading(self, elapsed_s: float, reading: Reading) -> None:
        """Write one row."""
        values = [getattr(reading, name) for name in _COLUMNS[2:]]
        row = [datetime.now(UTC).isoformat(timespec="milliseconds"), f"{elapsed_s:.2f}"]
        self._try(lambda: self._rows.writerow(row + ["" if v is None else v for v in values]))

    def line(self, kind: str, elapsed_s: float | None, **what: Any) -> None:
        """Write one JSON line."""
        entry = {
            "time_utc": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "elapsed_s": None if elapsed_s is None else round(elapsed_s, 2),
            "kind": kind,
            **what,
        }
        self._try(lambda: self._lines_file.write(json.dumps(entry) + "\n"))

    def close(self) -> None:
        """Close both files."""
        for file in (self._rows_file, self._lines_file):
            self._try(file.close)

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
            if not self._lines_file.closed:
                self._lines_file.flush()
            if not self._rows_file.closed:
                self._rows_file.flush()
        except OSError:
            self.works = False


class Drive:
    """One run of a plan. `say` prints a line on the terminal."""

    def __init__(
        self,
        plan: Plan,
        control: RoasterControl,
        log: DriveLog,
        say: Callable[[str], None],
        *,
        station: str = "roaster",
        profile: SetpointProfile | None = None,
        hears: bool = False,
        cutoff: bool = False,
    ) -> None:
        """`hears`: whether first crack is reported to `happened`.

        `cutoff`: whether an independent thermal cut-off was confirmed.
        """
        self.plan = plan
        self.control = control
        self._log = log
        self._say = say
        self._station = station
        self._hears = hears
        self._cutoff = cutoff
        self._profile = profile
        self._executor = PlanExecutor(plan, profile, hears=hears)
        self._began_s: float | None = None
        self._tripped: str | None = None
        self._last_reading: Reading | None = None
        self._reported_s = -REPORT_S
        self._log_failed = False
        self._last_notice = ""
        self._afterheat = Afterheat()
        self._door_open: bool | None = None

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since the plan's start."""
        return None if self._began_s is None else time.monotonic() - self._began_s

    def audit(self, command: Command, result: CommandResult) -> None:
        """Log a command and its result."""
        self._log.line("command", self.elapsed_s, **asdict(command), result=asdict(result))

    def notice(self, notice: GuardianNotice) -> None:
        """Log and print what the guardian reports; end the drive if arming ended."""
        self._log.line(
            notice.kind, self.elapsed_s, message=notice.message, interlock=notice.interlock
        )
        ending = notice.kind in ("disarmed", "fault", "lost", "interlock")
        # A machine that gives less heat than is set stays armed, so the drive continues.
        if ending and notice.interlock != "heat_short" and self._began_s is not None:
            ends = notice.kind != "interlock" or notice.interlock == "emergency_stop"
            ends = ends and notice.interlock != "heat_short"  # `unheated` reports that
            self._tripped = self._tripped or (notice.message if ends else None)
        if notice.message in (self._last_notice, ENDED):
            return  # the end is reported by what ended it
        self._last_notice = notice.message
        if notice.kind == "attendance":
            self._say(f"\a?  {notice.message} Press Enter.")
            return
        sign = {"armed": "   ", "recovered": "   "}.get(notice.kind, "!  ")
        self._say(f"{sign}{notice.message}")

    def happened(self, kind: EventKind) -> None:
        """Record an event of the roast as happening now, for steps that wait for it."""
        if self.elapsed_s is not None:
            self._executor.event(kind, self.elapsed_s)

    async def run(self) -> str | None:
        """Follow the plan to its end. Returns the reason if it ended early or lacked heat.

        Raises:
            LostError: the machine can't be reached.
            BadInputError: it is another machine, or heat is refused from the start.
        """
        await self._ready()
        await self._arm()
        await self._close_door()
        self._began_s = time.monotonic()
        self._say(f"   Starting the plan: {len(self.plan.steps)} steps.")
        while self._tripped is None:
            elapsed_s = time.monotonic() - self._began_s
            self._take_reading(elapsed_s)
            await carry_out(self._executor.turn(self._moment(elapsed_s)), self._carry_out)
            if self._executor.ended(elapsed_s):
                break
            if not self._log.works and not self._log_failed:
                self._log_failed = True
                self._say("!  The log can no longer be written: heat can't be raised.")
                await self.control.log_works(False)
            await asyncio.sleep(TURN_S)
        return self._tripped or self._executor.unheated

    async def stay(self) -> str | None:
        """Wait with heat off until the temperature no longer rises.

        Returns the reason to check the machine, or None if all is well. Cancelling it returns at
        once, with the same warning.
        """
        machine = self.control.capabilities
        if machine is None or Actuator.HEATER not in machine.actuators:
            return None  # it is heated by something else
        began_s, shown = time.monotonic(), ""
        wrong: str | None = None
        while True:
            raw, now_s = self.control.raw_state, time.monotonic()
            self._take_reading(now_s - (began_s if self._began_s is None else self._began_s))
            rising, alarm = self._afterheat.verdict(now_s, raw.get("rising")), raw.get("alarm")
            over = rising is False or not (self._afterheat.heated or raw.get("rising"))
            if over and not alarm:
                return wrong
            if alarm:
                wrong = STILL_HEATS
            elif rising and self._afterheat.alarming(now_s, hotter=bool(raw.get("hotter"))):
                wrong = STILL_RISES
            unknown = rising is None and now_s - began_s > UNKNOWN_S
            if unknown:
                wrong = wrong or "It is unknown whether the temperature still rises: look at it."
            text = wrong or "   Heat is off: waiting until the temperature no longer rises."
            if text != shown:
                shown = text
                self._say(f"\a!! {wrong}" if wrong else text)
            if unknown:
                return wrong
            try:
                await asyncio.sleep(STAY_TURN_S)
            except asyncio.CancelledError:
                self._say(f"\a!! {wrong or 'Left before it was cooling: look at it.'}")
                raise

    async def present(self) -> None:
        """Report that a person pressed a key."""
        await self.control.present()

    async def _ready(self) -> None:
        """Wait for the link, a reading and the readback of heat 0."""
        raw = await self.control.answering()
        machine = self.control.capabilities
        if machine is not None:
            self._say(f"   {machine.machine}: {_reading_words(raw['reading'])}.")
            self._leave_out(machine)

    async def _arm(self) -> None:
        machine = self.control.capabilities
        if machine is not None and Actuator.HEATER not in machine.actuators:
            return  # it is only read
        end_s = self.plan.end_s
        refused = await self.control.arm((end_s or 7200.0) + 120.0)
        if refused and self.plan.heats:
            raise BadInputError(refused)

    async def _close_door(self) -> None:
        """Close a door that is still open from the last roast: beans would fall through."""
        machine = self.control.capabilities
        opens_first = any(s.at_s == 0 and (s.drop or s.door_percent) for s in self.plan.steps)
        if machine is None or Actuator.DOOR not in machine.actuators or opens_first:
            return
        if door_stands_open(self.control):
            self._say("   The door is open: closing it.")
            await self._set(Actuator.DOOR, 0.0, Origin.PLAN)
            if not await closed(self.control):
                self._say("!  The machine still reports an open door.")

    def _leave_out(self, machine: Capabilities) -> None:
        """Skip settings that the machine doesn't have, such as the speed of a fixed drum.

        Raises:
            BadInputError: it can't set heat, or the cut-off that it needs was not confirmed.
        """
        if self.plan.heats and Actuator.HEATER not in machine.actuators:
            can = ", ".join(sorted(machine.actuators)) or "nothing"
            raise BadInputError(
                f"{machine.machine} can't set heat, which the plan needs: it can set {can}."
            )
        if self.plan.heats and not self._cutoff and machine.needs_cutoff:
            raise BadInputError(machine.cutoff_reason)
        self._executor = PlanExecutor(
            self.plan, self._profile, actuators=machine.actuators, hears=self._hears
        )

    def _moment(self, elapsed_s: float) -> Moment:
        reading, setpoints = self._last_reading, setpoints_of(self.control.raw_state)
        machine = self.control.capabilities
        has_readback = machine is not None and Actuator.HEATER in machine.echoes
        reported = reading.heater_percent if reading and has_readback else None
        bean_c = reading.bean_temp_c if reading else None
        return Moment(elapsed_s, bean_c, setpoints.get("heater"), reported)

    async def _carry_out(self, action: Action) -> Answer:
        """Carry out one action of the plan; log and print it."""
        began_s = self._began_s if self._began_s is not None else time.monotonic()
        elapsed_s = time.monotonic() - began_s
        match action:
            case Took(index, step):
                self._say(f"{clock(elapsed_s)}  {step.title() or 'note'}")
                shown = step.model_dump(exclude_none=True)
                self._log.line("step", elapsed_s, index=index, step=shown)
            case Set(actuator, percent, origin):
                if self._tripped is None or (actuator is Actuator.HEATER and percent == 0):
                    return await self._set(actuator, percent, origin)
                return CommandResult("", Outcome.REFUSED, reason=self._tripped)
            case Charge():
                refused = await self.control.charge()
                if refused:
                    self._log.line("interlock", elapsed_s, message=refused, interlock="charge")
                return refused
            case Dropped():
                await self.control.dropped()
            case Say(text):
                self._say(f"!  {text}")
        return None

    def _deviation(self, elapsed_s: float, reading: Reading) -> str:
        since_s = self._executor.since_charge_s(elapsed_s)
        target = self._profile.at(since_s) if self._profile and since_s is not None else None
        if target is None or reading.bean_temp_c is None:
            return ""
        return f", profile {target:.1f} °C ({reading.bean_temp_c - target:+.1f})"

    async def _set(self, actuator: Actuator, percent: float, origin: Origin) -> CommandResult:
        if actuator is Actuator.HEATER and percent > 0:
            self._afterheat.heated = True  # also if this is cancelled before the result
        return await self.control.request(Command.new(self._station, actuator, percent, origin))

    def _take_reading(self, elapsed_s: float) -> None:
        reading = self.control.readings.value
        if reading is None or reading is self._last_reading:
            return
        self._last_reading = reading
        self._log.reading(elapsed_s, reading)
        setpoints = setpoints_of(self.control.raw_state)
        self._afterheat.read(reading, setpoints.get("heater"))
        if reading.door_open and self._door_open is False:
            self.happened(EventKind.DROP)  # the beans leave, by whatever opened it
        self._door_open = reading.door_open
        if elapsed_s - self._reported_s >= REPORT_S:
            self._reported_s = elapsed_s
            words = _reading_words(asdict(reading)) + self._deviation(elapsed_s, reading)
            self._say(f"{clock(elapsed_s)}  {words}")


def _reading_words(raw: dict[str, Any]) -> str:
    words = []
    for key, name, unit in (
        ("bean_temp_c", "beans", "°C"),
        ("environment_temp_c", "environment", "°C"),
        ("heater_percent", "heat", "%"),
        ("fan_percent", "fan", "%"),
        ("drum_percent", "drum", "%"),
    ):
        value = raw.get(key)
        if value is not None:
            words.append(
                f"{name} {value:.0f} {unit}" if unit == "%" else f"{name} {value:.1f} {unit}"
            )
    return ", ".join(words) or "no values"
