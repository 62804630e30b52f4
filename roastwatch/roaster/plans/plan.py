"""A plan: at this time, temperature or event, set this. Read from YAML and checked."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import read_text
from roastwatch.files.yaml_file import parse_yaml, problem_of
from roastwatch.inbound import text
from roastwatch.options import Options, explained
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.plans.pid import PidOptions, SetpointProfile
from roastwatch.vocabulary import Actuator, Level

LONGEST_PLAN_S = 7200.0

Trigger = Literal[
    "charge", "turning_point", "dry_end", "first_crack", "first_crack_end", "second_crack", "drop"
]
SOUNDS = ("first_crack", "first_crack_end", "second_crack")
"""Events detected by sound. A step that waits for one of them never raises heat."""


class Step(Options):
    """One step. Its condition is one of at_s, at_bean_temp_c and at_event (with after_s)."""

    at_s: float | None = Field(
        None, ge=0, le=LONGEST_PLAN_S, description="Seconds from the plan's start."
    )
    at_bean_temp_c: float | None = Field(
        None,
        ge=0,
        le=260,
        description="When the beans, past the turning point, reach this, °C.",
    )
    at_event: Trigger | None = Field(None, description="When this event has happened.")
    after_s: float = Field(0.0, ge=0, le=LONGEST_PLAN_S, description="Seconds after that event.")
    heater_percent: float | None = Field(None, ge=0, le=100, description="Heat, percent.")
    fan_percent: float | None = Field(None, ge=0, le=100, description="Fan, percent.")
    drum_percent: float | None = Field(None, ge=0, le=100, description="Drum, percent.")
    cooling_percent: float | None = Field(None, ge=0, le=100, description="Cooling, percent.")
    door_percent: float | None = Field(
        None, ge=0, le=100, description="Door: 0 closed, 100 open, percent."
    )
    drop: bool = Field(False, description="Drop the beans: heat 0, door open.")
    charge: bool = Field(False, description="You put the beans in now.")
    note: str = Field("", description="Text to print.")

    @field_validator("note")
    @classmethod
    def _note_fit_to_be_kept(cls, note: str) -> str:
        try:
            return text(" ".join(note.split()), "note")
        except BadInputError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="before")
    @classmethod
    def _door_words(cls, raw: object) -> object:
        if isinstance(raw, dict) and "door" in raw:
            raw = dict(raw)
            door = raw.pop("door")
            words = {"open": 100, "closed": 0, "close": 0, True: 100, False: 0}
            if door in words:
                raw["door_percent"] = words[door]
            elif isinstance(door, int | float):
                raw["door_percent"] = door
            else:
                raise ValueError("door is open or closed")
        return raw

    @model_validator(mode="after")
    def _one_condition(self) -> "Step":
        given = [self.at_s, self.at_bean_temp_c, self.at_event]
        if sum(value is not None for value in given) != 1:
            raise ValueError("a step needs one of at_s, at_bean_temp_c and at_event")
        if self.charge and self.at_event is not None:
            raise ValueError("charge comes before every event: use at_s or at_bean_temp_c")
        return self

    def settings(self) -> list[tuple[Actuator, float]]:
        """The settings, in a safe order."""
        found: list[tuple[Actuator, float]] = []
        if self.drop:
            found.append((Actuator.HEATER, 0.0))
        elif self.door_percent is not None and self.door_percent == 0:
            found.append((Actuator.DOOR, 0.0))
        if self.heater_percent == 0 and not self.drop:
            found.append((Actuator.HEATER, 0.0))
        for actuator, percent in (
            (Actuator.DRUM, self.drum_percent),
            (Actuator.FAN, self.fan_percent),
            (Actuator.COOLING, self.cooling_percent),
        ):
            if percent is not None:
                found.append((actuator, percent))
        if self.drop or self.door_percent:
            found.append((Actuator.DOOR, self.door_percent or 100.0))
        if self.heater_percent and not self.drop:
            found.append((Actuator.HEATER, self.heater_percent))
        return found

    @property
    def opens(self) -> bool:
        """Whether it opens the door."""
        return self.drop or bool(self.door_percent)

    @property
    def hears(self) -> bool:
        """Whether it waits for an event that is detected by sound."""
        return self.at_event in SOUNDS

    def title(self) -> str:
        """What the step does, for users."""
        words = [f"{actuator} {percent:g} %" for actuator, percent in self.settings()]
        if self.charge:
            words.insert(0, "charge")
        if self.drop:
            words.insert(0, "drop")
        return ", ".join(words) + (f" ({self.note})" if self.note else "")


class Plan(Options):
    """A plan: its steps, its end, and the profile to follow."""

    name: str = Field("", description="Name of the plan.")
    steps: tuple[Step, ...] = Field(description="The steps.", min_length=1)
    ends_at_s: float | None = Field(
        None,
        gt=0,
        le=LONGEST_PLAN_S,
        description="When the plan ends, seconds; empty: with its last step.",
    )
    first_crack_level: Level = Field(
        Level.CERTAIN, description="How certain first crack must be to trigger steps."
    )
    target: tuple[tuple[float, float], ...] = Field(
        (), description="Bean temperature to compare with: pairs of seconds (from charge) and °C."
    )
    background: Path | None = Field(
        None, description="A recorded roast (.alog or CSV) to compare with, or to follow."
    )
    follow: bool = Field(
        False, description="Let the PID set heat so that beans follow target or background."
    )
    pid: PidOptions = Field(PidOptions(), description="Gains and limits of that PID.")

    @model_validator(mode="after")
    def _heat_ends(self) -> "Plan":
        for index, step in enumerate(self.steps):
            if not step.heater_percent:
                continue
            if step.opens:
                raise ValueError(f"steps[{index}] heats while the beans leave: remove its heat")
            if step.at_event == "drop":
                raise ValueError(f"steps[{index}] heats after the drop: remove it")
            for drop in self._drops():
                if _comes_after(step, drop):
                    raise ValueError(f"steps[{index}] heats after the drop{_when(drop)}: remove it")
        if self.follow and not (self.target or self.background):
            raise ValueError("follow needs a target or a background to follow")
        return self

    def _drops(self) -> list[Step]:
        """Steps after which the drum is empty. A door that is open before the charge is not one."""
        charges = [step.at_s for step in self.steps if step.charge]
        return [
            step
            for step in self.steps
            if step.drop
            or (
                step.opens
                and not any(s is None or step.at_s is None or s > step.at_s for s in charges)
            )
        ]

    @property
    def heat_ends_s(self) -> float | None:
        """When heat is off at the latest, seconds; None: that does not depend on time alone."""
        if not self.heats:
            return 0.0
        drops = [step.at_s for step in self._drops() if step.at_s is not None]
        if drops:
            return min(drops)
        heaters = [step for step in self.steps if step.heater_percent is not None]
        if self.follow or any(step.at_s is None for step in heaters):
            return self.end_s
        last = max(heaters, key=lambda step: step.at_s or 0.0)
        return self.end_s if last.heater_percent else last.at_s

    @property
    def end_s(self) -> float | None:
        """When the plan ends, seconds; None: some step does not depend on time."""
        if self.ends_at_s is not None:
            return self.ends_at_s
        if any(step.at_s is None for step in self.steps):
            return None
        return max(step.at_s for step in self.steps if step.at_s is not None)

    @property
    def heats(self) -> bool:
        """Whether it heats."""
        return self.follow or any(step.heater_percent for step in self.steps)


def _comes_after(step: Step, drop: Step) -> bool:
    """Whether a step can only come after a drop."""
    if step.at_s is not None and drop.at_s is not None:
        return step.at_s > drop.at_s
    if step.at_bean_temp_c is not None and drop.at_bean_temp_c is not None:
        return step.at_bean_temp_c >= drop.at_bean_temp_c
    same = step.at_event is not None and step.at_event == drop.at_event
    return same and step.after_s >= drop.after_s


def _when(drop: Step) -> str:
    if drop.at_s is not None:
        return f" at {drop.at_s:g} s"
    if drop.at_bean_temp_c is not None:
        return f" at {drop.at_bean_temp_c:g} °C"
    return f" {drop.after_s:g} s after {drop.at_event}"


def refuse_unattended(plan: Plan, limits: Limits) -> None:
    """Refuse a plan that heats for longer than heat may be on unattended.

    A plan that ends by temperature or event is accepted: the guardian turns heat off in time.

    Raises:
        BadInputError: the reason and the fix, in one sentence.
    """
    timed = [step.at_s or 0.0 for step in plan.steps if step.heater_percent]
    ends_s = plan.heat_ends_s if plan.heat_ends_s is not None else max(timed, default=0.0)
    if ends_s <= limits.attendance_s:
        return
    raise BadInputError(
        f"The plan heats for {ends_s / 60:.1f} minutes. Every {limits.attendance_s / 60:g} minutes "
        "(attendance_s) you must confirm that you are at the roaster: run it in a terminal."
    )


def refuse_too_hot(plan: Plan, profile: SetpointProfile | None, limits: Limits) -> None:
    """Refuse a plan that would always be ended by an interlock.

    Raises:
        BadInputError: its profile, or the temperature that a step waits for, is at or above the
            bean temperature at which this machine's heat is turned off.
    """
    limit_c = limits.bean_temp_max_c
    hottest_c = max((c for _, c in profile.points), default=0.0) if profile else 0.0
    if plan.follow and hottest_c >= limit_c:
        raise BadInputError(
            f"The plan's profile reaches {hottest_c:.0f} °C; heat goes off at {limit_c:.0f} °C on "
            "this machine (bean_temp_max_c): end the profile below that."
        )
    for index, step in enumerate(plan.steps):
        if step.at_bean_temp_c is not None and step.at_bean_temp_c >= limit_c:
            raise BadInputError(
                f"steps[{index}] waits for {step.at_bean_temp_c:g} °C; heat goes off at "
                f"{limit_c:.0f} °C on this machine (bean_temp_max_c): choose a lower temperature."
            )


def read_plan(path: Path) -> Plan:
    """A plan from a YAML file.

    Raises:
        BadInputError: one sentence that names the key and the fix.
    """
    try:
        raw = parse_yaml(read_text(path))
    except OSError as error:
        raise BadInputError(f"The plan {path} can't be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise BadInputError(f"The plan {path} is not YAML{problem_of(error)}.") from error
    plan = parse_plan(raw, str(path))
    if plan.background is not None and not plan.background.is_absolute():
        plan = plan.model_copy(update={"background": path.parent / plan.background})
    return plan


def parse_plan(raw: object, where: str = "the plan") -> Plan:
    """A plan from a parsed YAML document.

    Raises:
        BadInputError: one sentence that names the key and the fix.
    """
    if isinstance(raw, list):
        raw = {"steps": raw}
    if not isinstance(raw, dict) or "steps" not in raw:
        raise BadInputError(
            f"{where} has no steps: write `steps: [{{at_s: 0, heater_percent: 60}}, ...]`."
        )
    try:
        return Plan.model_validate(raw)
    except ValidationError as error:
        raise BadInputError(f"{where}: {explained(error, Plan, kind='key')}") from error
