"""Follow a plan to its end through the door: `roastwatch roaster drive`."""

import asyncio
import csv
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from roastwatch.errors import BadInputError
from roastwatch.files.private import make_file, make_folder
from roastwatch.roaster.client.control import (
    GuardianNotice,
    RoasterControl,
    closed,
    door_stands_open,
)
from roastwatch.roaster.driver import Capabilities
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
STILL_HEATS = "The roaster heats though heat is off: pull the plug."
STILL_RISES = "The temperature still rises though heat is off: pull the plug."
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
        """Raises BadInputError when it can't be written."""
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
        """One row."""
        values = [getattr(reading, name) for name in _COLUMNS[2:]]
        row = [datetime.now(UTC).isoformat(timespec="milliseconds"), f"{elapsed_s:.2f}"]
        self._try(lambda: self._rows.writerow(row + ["" if v is None else v for v in values]))

    def line(self, kind: str, elapsed_s: float | None, **what: Any) -> None:
        """One JSON line."""
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
    """One run of a plan. `say` prints a line for the person at the keyboard."""

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
        """One plan on one machine.

        `hears`: whether somebody calls `happened` with what is heard; `cutoff`: whether an
        independent thermal cut-off was confirmed.
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
        self._last_told = ""
        self._afterheat = Afterheat()
        self._door_open: bool | None = None

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since the plan's start."""
        return None if self._began_s is None else time.monotonic() - self._began_s

    def audit(self, command: Command, result: CommandResult) -> None:
        """A row for each command."""
        self._log.line("command", self.elapsed_s, **asdict(command), result=asdict(result))

    def told(self, told: GuardianNotice) -> None:
        """What the guardian says happened."""
        self._log.line(told.kind, self.elapsed_s, message=told.message, interlock=told.interlock)
        ending = told.kind in ("disarmed", "fault", "lost", "interlock")
        # A machine that gives less heat than is set goes on being driven: arming holds.
        if ending and told.interlock != "heat_short" and self._began_s is not None:
            ends = told.kind != "interlock" or told.interlock == "emergency_stop"
            ends = ends and told.interlock != "heat_short"  # heat goes on: `unheated` says it
            self._tripped = self._tripped or (told.message if ends else None)
        if told.message in (self._last_told, ENDED):
            return  # what ends is said by whoever ended it
        self._last_told = told.message
        if told.kind == "attendance":
            self._say(f"\a?  {told.message} Press Enter.")
            return
        sign = {"armed": "   ", "recovered": "   "}.get(told.kind, "!  ")
        self._say(f"{sign}{told.message}")

    def happened(self, kind: EventKind) -> None:
        """An event of the roast, now (for steps that wait for one)."""
        if self.elapsed_s is not None:
            self._executor.event(kind, self.elapsed_s)

    async def run(self) -> str | None:
        """Follow the plan to its end. Returns why it was not followed to its end, or None.

        Raises:
            LostError: the machine can't be reached.
            BadInputError: another machine, or heat is refused from the start.
        """
        await self._ready()
        await self._arm()
        await self._close_door()
        self._began_s = time.monotonic()
        self._say(f"   The plan begins: {len(self.plan.steps)} steps.")
        while self._tripped is None:
            elapsed_s = time.monotonic() - self._began_s
            self._take_reading(elapsed_s)
            await carry_out(self._executor.turn(self._moment(elapsed_s)), self._carry_out)
            if self._executor.ended(elapsed_s):
                break
            if not self._log.works and not self._log_failed:
                self._log_failed = True
                self._say("!  The log can't be written any more: heat may not go up.")
                await self.control.log_works(False)
            await asyncio.sleep(TURN_S)
        return self._tripped or self._executor.unheated

    async def stay(self) -> str | None:
        """Wait, with heat off, until the temperature no longer rises.

        Returns why the machine must be looked at, or None when all is well. Who cancels it leaves
        at once, with the same warning.
        """
        machine = self.control.capabilities
        if machine is None or Actuator.HEATER not in machine.actuators:
            return None  # somebody else heats it
        began_s, told = time.monotonic(), ""
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
            if text != told:
                told = text
                self._say(f"\a!! {wrong}" if wrong else text)
            if unknown:
                return wrong
            try:
                await asyncio.sleep(STAY_TURN_S)
            except asyncio.CancelledError:
                self._say(f"\a!! {wrong or 'Left before it was known that it cools: look at it.'}")
                raise

    async def present(self) -> None:
        """The person pressed a key."""
        await self.control.present()

    async def _ready(self) -> None:
        """Wait for the link, a reading and the echo of heat 0."""
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
        """A door that stands open from the last roast would let the beans fall through."""
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
        """What the machine can't set (a drum that always turns, say) is told and left out.

        Raises:
            BadInputError: what it can't set is heat, or nobody confirmed the cut-off that it needs.
        """
        if self.plan.heats and Actuator.HEATER not in machine.actuators:
            can = ", ".join(sorted(machine.actuators)) or "nothing"
            raise BadInputError(
                f"{machine.machine} can't set heat, which the plan asks for: it can set {can}."
            )
        if self.plan.heats and not self._cutoff and machine.needs_cutoff:
            raise BadInputError(machine.cutoff_reason)
        self._executor = PlanExecutor(
            self.plan, self._profile, actuators=machine.actuators, hears=self._hears
        )

    def _moment(self, elapsed_s: float) -> Moment:
        reading, told = self._last_reading, self.control.raw_state.get("told") or {}
        echoes = self.control.capabilities.echoes if self.control.capabilities else frozenset()
        reported = reading.heater_percent if reading and Actuator.HEATER in echoes else None
        bean_c = reading.bean_temp_c if reading else None
        return Moment(elapsed_s, bean_c, told.get("heater"), reported)

    async def _carry_out(self, action: Action) -> Answer:
        """What the plan wants, done: the door, the log and the person are told of it."""
        began_s = self._began_s if self._began_s is not None else time.monotonic()
        elapsed_s = time.monotonic() - began_s
        match action:
            case Took(index, step):
                self._say(f"{_clock(elapsed_s)}  {step.title() or 'note'}")
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
            self._afterheat.heated = True  # whoever stops us now does not hear what became of it
        command = Command(
            uuid.uuid4().hex[:12],
            self._station,
            actuator,
            percent,
            origin,
            time.monotonic(),
        )
        return await self.control.request(command)

    def _take_reading(self, elapsed_s: float) -> None:
        reading = self.control.readings.value
        if reading is None or reading is self._last_reading:
            return
        self._last_reading = reading
        self._log.reading(elapsed_s, reading)
        told = self.control.raw_state.get("told") or {}
        self._afterheat.read(reading, told.get("heater"))
        if reading.door_open and self._door_open is False:
            self.happened(EventKind.DROP)  # whoever opened it: the beans leave
        self._door_open = reading.door_open
        if elapsed_s - self._reported_s >= REPORT_S:
            self._reported_s = elapsed_s
            words = _reading_words(asdict(reading)) + self._deviation(elapsed_s, reading)
            self._say(f"{_clock(elapsed_s)}  {words}")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


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
