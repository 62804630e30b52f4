"""Checks of everything that a roast needs: settings, microphone, model, sinks, disk and clock.

They connect to what the settings name and try what the service would do; nothing is left behind.
"""

import asyncio
import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from roastwatch import __version__, plugins
from roastwatch.audio.level import LevelMeter
from roastwatch.audio.source import AudioSource
from roastwatch.detection.model import CrackModel
from roastwatch.detection.transients import Transients, TransientsOptions
from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.pipeline import Pipeline
from roastwatch.settings import model as settings
from roastwatch.settings.model import Chosen, Settings
from roastwatch.sinks.phone.quiet_hours import follows_utc_unasked
from roastwatch.sinks.sink import Finding as SinkFinding
from roastwatch.sinks.sink import Sink, SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    Hearing,
    HearingState,
    Instruction,
    Outcome,
)

_FREE_MB = 500
_SINK_WITHIN_S = 40.0
_LISTENS_S = 12.0
"""To judge how well first crack can be heard."""


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """Result of one check; `good` is None if it could not or need not be checked."""

    name: str
    good: bool | None
    text: str


def findings(path: Path | str, *, sound: bool = True) -> Iterator[DoctorFinding]:
    """Check one thing after the other.

    Args:
        path: the settings file, or why there is none.
        sound: whether to listen to the microphones; a running service may hold them.
    """
    version = sys.version.split()[0]
    yield DoctorFinding("roastwatch", True, f"{__version__} on Python {version}")
    wanted = settings.parse({})
    if isinstance(path, str):
        yield DoctorFinding("settings", None, path)
    else:
        try:
            wanted = settings.read(path)
            yield DoctorFinding("settings", True, f"{path}")
        except RoastwatchError as error:
            yield DoctorFinding("settings", False, str(error))
    for station in wanted.stations:
        if sound:
            yield _try(f"{station.name} sound", lambda one=station: _sound(one.source, one.model))  # type: ignore[misc]
        yield _try(f"{station.name} model", lambda one=station: _model(one.model))  # type: ignore[misc]
    for sink in wanted.sinks:
        for one in asyncio.run(sink_findings(sink, wanted)):
            yield DoctorFinding(sink.type, one.good, one.text)
    yield _try("disk", lambda: _disk(wanted))
    yield _clock(wanted)


def quietly(findings: Iterator[DoctorFinding]) -> Iterator[DoctorFinding]:
    """Suppress log lines between findings: every problem is a finding."""
    log = logging.getLogger("roastwatch")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield from findings
    finally:
        log.setLevel(before)


def _try(name: str, check: Callable[[], tuple[bool | None, str]]) -> DoctorFinding:
    try:
        good, text = check()
    except RoastwatchError as error:
        good, text = False, str(error)
    except Exception as error:  # noqa: BLE001 - a failure is a finding, and the other checks go on
        good, text = False, f"{type(error).__name__}: {error}"
    return DoctorFinding(name, good, text)


def _sound(source: Chosen, model: Chosen) -> tuple[bool | None, str]:
    """Listen to the source for some seconds: it opens, is not silent, and first crack can be heard.

    A microphone is heard for long enough to judge the room, all else for one second.
    """
    found = asyncio.run(_listened(source, _loaded(model)))
    if found is None:
        return False, "no sound within 5 s: check that the microphone is plugged in and not muted."
    rate, rms, state, limits = found
    text = f"{source.type} at {rate / 1000:g} kHz, {rms:.0f} dBFS"
    if rms < -85:
        return False, f"{text}: silent; unmute it or raise its level (alsamixer)."
    if state.hearing is not Hearing.GOOD:
        return False, f"{text}, hearing is {state.hearing.value}: {state.reason}"
    return True, " ".join([f"{text}." if limits else text, *limits])


def _loaded(chosen: Chosen) -> CrackModel:
    """The model; one that always works if it can't be loaded, which another check reports."""
    try:
        model: CrackModel = plugins.load("models", chosen.type)(chosen.options)
    except Exception:  # noqa: BLE001 - as above
        return Transients(TransientsOptions())
    return model


async def _listened(
    source: Chosen, model: CrackModel
) -> tuple[int, float, HearingState, list[str]] | None:
    part = ComponentHealth("doctor")
    factory: Any = plugins.load("sources", source.type)
    try:
        async with asyncio.timeout(5.0) as limit, factory(source.options, part) as opened:
            return opened.sample_rate_hz, *await _heard(opened, model, limit)
    except TimeoutError:
        if part.problem:
            raise RoastwatchError(part.problem) from None
        return None


async def _heard(
    opened: AudioSource, model: CrackModel, limit: asyncio.Timeout
) -> tuple[float, HearingState, list[str]]:
    """RMS in dBFS, how well first crack can be heard, and what the microphone does not pass on.

    The first sound extends the limit.
    """
    rate, power, count = opened.sample_rate_hz, 0.0, 0
    listens_s = _LISTENS_S if opened.live else 1.0
    meter, pipeline = LevelMeter(rate), _pipeline(model, rate)
    async for block in opened.blocks():
        if not count:
            limit.reschedule(asyncio.get_running_loop().time() + 5.0 + listens_s)
        power += float(np.square(block.samples).sum())
        count += len(block.samples)
        if pipeline is not None:
            meter.push(block.samples)
            pipeline.signal(block.end_sample, meter.last_second)
            pipeline.push(block)
        if count >= listens_s * rate:
            break
    state = HearingState() if pipeline is None else pipeline.onset.hearing
    return float(10 * np.log10(power / max(1, count) + 1e-12)), state, meter.limits


def _pipeline(model: CrackModel, rate_hz: int) -> Pipeline | None:
    """None if the model can't judge sound of this rate."""
    try:
        return Pipeline("doctor", model, rate_hz, started_at=datetime.now(UTC))
    except BadInputError:
        return None


def _model(chosen: Chosen) -> tuple[bool | None, str]:
    """Load the model and check that it detects nothing in faint noise."""
    model = plugins.load("models", chosen.type)(chosen.options)
    stream = model.open(48_000)
    quiet = np.random.default_rng(0).normal(0, 1e-3, 96_000).astype(np.float32)
    pops = [pop for score in stream.push(quiet) for pop in score.pops]
    heard = sum(pop.probability >= model.spec.pop_threshold for pop in pops)
    return heard == 0, f"{model.spec.model_id}: {heard} pops in 2 s of faint noise (expected: 0)"


class Nobody:
    """Ignores requests: a sink that is only checked sends none."""

    def __init__(self, reason: str = "This is only a check.") -> None:
        """`reason`: why a command is refused."""
        self._reason = reason

    def instruct(self, instruction: Instruction) -> None:
        """Ignored."""

    async def command(self, command: Command) -> CommandResult:
        """Refused."""
        return CommandResult(command.command_id, Outcome.REFUSED, reason=self._reason)


async def sink_findings(chosen: Chosen, wanted: Settings) -> Sequence[SinkFinding]:
    """Let a sink check its own connection; takes at most 40 s. A failure is a finding."""
    context = SinkContext(
        wanted.instance,
        [station.name for station in wanted.stations],
        wanted.language,
        Nobody(),
        ComponentHealth(chosen.type),
    )
    try:
        return await _checked(plugins.load("sinks", chosen.type), chosen, context)
    except RoastwatchError as error:
        return [SinkFinding(False, str(error))]
    except TimeoutError:
        return [SinkFinding(False, f"no answer within {_SINK_WITHIN_S:.0f} s")]
    except Exception as error:  # noqa: BLE001 - as above
        return [SinkFinding(False, f"{type(error).__name__}: {error}")]


async def _checked(factory: Any, chosen: Chosen, context: SinkContext) -> Sequence[SinkFinding]:
    sink: Sink = factory(chosen.options, context)
    async with asyncio.timeout(_SINK_WITHIN_S):
        return await sink.check()


def _clock(wanted: Settings) -> DoctorFinding:
    """The time for people: quiet hours and pictures go by it."""
    zone = ZoneInfo(wanted.time_zone) if wanted.time_zone else None
    if follows_utc_unasked(zone):
        return DoctorFinding(
            "clock",
            None,
            "this computer has no time zone, so times are UTC: set `time_zone`, such as "
            "Europe/Berlin.",
        )
    return DoctorFinding("clock", True, f"{datetime.now(UTC).astimezone(zone):%Y-%m-%d %H:%M %Z}")


def _disk(wanted: Settings) -> tuple[bool | None, str]:
    folder = wanted.folder
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    probe = existing / ".roastwatch-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return (
            False,
            f"{existing} is not writable ({error.strerror}): set data_dir to another folder.",
        )
    return free_mb > _FREE_MB, f"{folder}: {free_mb / 1000:.1f} GB free"
