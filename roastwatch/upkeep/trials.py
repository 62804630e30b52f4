"""What the first-run wizard tries before there are settings: microphones, the broker, phones.

One microphone is listened to at a time, and one sink is tried at a time; each ends by itself.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from roastwatch import plugins
from roastwatch.audio.level import LOWEST_DBFS, LevelMeter
from roastwatch.audio.microphone import Microphone
from roastwatch.audio.network import discovery
from roastwatch.audio.sound_card import Device, PortAudio, SoundCard
from roastwatch.audio.source import AudioSource
from roastwatch.detection.transients import Transients, TransientsOptions
from roastwatch.errors import BadInputError, LostError, RoastwatchError
from roastwatch.settings import model as settings
from roastwatch.settings.model import Chosen
from roastwatch.sinks.phone.links import apprise_link
from roastwatch.sinks.phone.options import PhoneOptions
from roastwatch.sinks.sink import Finding, HeardMicrophone, Microphones, Trials
from roastwatch.supervise import ComponentHealth
from roastwatch.upkeep.checks import sink_findings
from roastwatch.vocabulary import AudioBlock, AudioLevel, SoundProblem

LISTENS_S = 20.0
_OPENS_WITHIN_S = 5.0
SOURCES = ("microphone", "wyoming", "stream", "demo")
"""The sources that may be tried: none of them reads a file."""
SINKS = ("mqtt", "home_assistant", "phone")
_SILENT_DBFS = -85.0
_QUIET_PEAK_DBFS = -50.0
"""If nothing was louder, claps included, the microphone is too far away or its gain too low."""
_QUIET_AFTER_S = 3.0
_CLAP_PROBABILITY = 0.9
_CLAP_APART_S = 0.2
"""A clap echoes: pops closer to the one before than this belong to it."""
_SENDS_WITHIN_S = 20.0
_TEST = ("roastwatch", "This is a test message.")
_SETTLES_S = 1.5
"""A microphone clicks when it is opened."""


class WizardTrials(Trials):
    """Tries what the wizard chooses."""

    def __init__(
        self,
        card: SoundCard | None = None,
        discover: Callable[[], Awaitable[list[discovery.NetworkMicrophone]]] = discovery.find,
    ) -> None:
        """`card` replaces PortAudio in tests, and `discover` the network."""
        self._card = card
        self._discover = discover
        self._task: asyncio.Task[None] | None = None
        self._heard = HeardMicrophone("nothing")
        self._card_free = asyncio.Lock()
        self._trying = asyncio.Lock()

    async def microphones(self) -> Microphones:
        """Those of this computer and of the network, and why some can't be listed."""
        problems: list[str] = []
        devices: list[Device] = []
        found: list[discovery.NetworkMicrophone] = []
        try:
            async with self._card_free:  # devices can't be searched for while one is open
                await self._end()
                devices = await asyncio.to_thread(self._devices)
        except RoastwatchError as error:
            problems.append(str(error))
        try:
            found = await self._discover()
        except RoastwatchError as error:
            problems.append(str(error))
        names = [one.name for one in devices]
        return Microphones(
            [_device(one, unique=names.count(one.name) == 1) for one in devices],
            [_network(one) for one in found],
            problems,
        )

    async def listen(self, source: Mapping[str, Any]) -> None:
        """Listen to a source for 20 s; the one before ends.

        Raises:
            BadInputError: there is no such source, or an option is wrong.
        """
        chosen = await asyncio.to_thread(_chosen, "sources", SOURCES, source)
        async with self._card_free:
            await self._end()
            self._heard = HeardMicrophone("opening")
            self._task = asyncio.create_task(self._listen(chosen), name="wizard:listen")

    async def _end(self) -> None:
        """End listening, and close the microphone."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._heard = HeardMicrophone("nothing")

    def heard(self) -> HeardMicrophone:
        """What was heard so far."""
        return self._heard

    async def try_sink(self, sink: Mapping[str, Any]) -> Sequence[Finding]:
        """Connect a sink once, and send a test message to phones. Takes at most 60 s.

        Raises:
            BadInputError: there is no such sink, or an option is wrong.
        """
        async with self._trying:
            chosen = await asyncio.to_thread(_chosen, "sinks", SINKS, sink)
            if isinstance(chosen.options, PhoneOptions):
                return await _sent(chosen.options)
            return await sink_findings(chosen, settings.parse({}))

    def _devices(self) -> list[Device]:
        if self._card is None:
            self._card = PortAudio()
        self._card.look_again()
        return self._card.devices()

    async def _listen(self, chosen: Chosen) -> None:
        part = ComponentHealth("wizard")
        try:
            async with asyncio.timeout(_OPENS_WITHIN_S) as limit, self._source(chosen, part) as one:
                await self._hear(one, limit)
        except TimeoutError:
            said = part.problem or "No sound came within 5 s: check that the microphone is on."
            self._heard = HeardMicrophone("failed", problem=said)
        except RoastwatchError as error:
            self._heard = HeardMicrophone("failed", problem=str(error))
        except Exception as error:  # noqa: BLE001 - a failure is what the person wants to know
            said = f"{type(error).__name__}: {error}"
            self._heard = HeardMicrophone("failed", problem=said)
        else:
            self._heard.state = "ended"

    def _source(self, chosen: Chosen, part: ComponentHealth) -> Any:
        if chosen.type == "microphone" and self._card is not None:
            return Microphone(chosen.options, part, self._card)  # type: ignore[arg-type]
        return plugins.load("sources", chosen.type)(chosen.options, part)

    async def _hear(self, opened: AudioSource, limit: asyncio.Timeout) -> None:
        meter = Meter(opened.sample_rate_hz)
        async for block in opened.blocks():
            limit.reschedule(asyncio.get_running_loop().time() + _OPENS_WITHIN_S)
            self._heard = meter.take(block)
            if self._heard.seconds >= LISTENS_S:
                return


class Meter:
    """The level of a microphone, what is wrong with it, and the claps that it heard."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._level = LevelMeter(sample_rate_hz)
        self._clicks = Transients(TransientsOptions()).open(sample_rate_hz)
        self._count = 0
        self._claps = 0
        self._last_clap_s = -1.0
        self._loudest_dbfs = LOWEST_DBFS

    def take(self, block: AudioBlock) -> HeardMicrophone:
        """What was heard up to the end of this block."""
        self._level.push(block.samples)
        self._count += len(block.samples)
        for score in self._clicks.push(block.samples):
            for pop in score.pops:
                self._clap(pop.sample / self._rate, pop.probability)
        level = self._level.last_second
        seconds = self._count / self._rate
        self._loudest_dbfs = max(self._loudest_dbfs, level.peak_dbfs)
        return HeardMicrophone(
            "listening",
            seconds=seconds,
            sample_rate_hz=self._rate,
            rms_dbfs=level.rms_dbfs,
            peak_dbfs=level.peak_dbfs,
            claps=self._claps,
            advice=self._advice(level, seconds),
            limits=self._level.limits,
        )

    def _clap(self, at_s: float, probability: float) -> None:
        if probability < _CLAP_PROBABILITY or at_s < _SETTLES_S:
            return
        if at_s - self._last_clap_s >= _CLAP_APART_S:
            self._claps += 1
        self._last_clap_s = at_s

    def _advice(self, level: AudioLevel, seconds: float) -> SoundProblem | None:
        if level.kind is not None or seconds < _QUIET_AFTER_S:
            return level.kind
        if level.rms_dbfs < _SILENT_DBFS:
            return SoundProblem.SILENT
        return SoundProblem.TOO_QUIET if self._loudest_dbfs < _QUIET_PEAK_DBFS else None


async def _sent(options: PhoneOptions) -> list[Finding]:
    """Send a test message to every URL of another service."""
    try:
        link = apprise_link(options)
        if link is None:
            return [Finding(None, "There is no URL to send a test message to.")]
        async with asyncio.timeout(_SENDS_WITHIN_S):
            for person in options.people:
                for url in person.urls:
                    await link.send(url.get_secret_value(), *_TEST, critical=False)
    except TimeoutError:
        return [Finding(False, f"The message was not accepted within {_SENDS_WITHIN_S:.0f} s.")]
    except LostError:
        said = "The service did not accept the message: check its address and your internet access."
        return [Finding(False, said)]
    except RoastwatchError as error:
        return [Finding(False, str(error))]
    return [Finding(True, "The test message was sent: it should be on the phone now.")]


def _chosen(group: str, known: Sequence[str], raw: Mapping[str, Any]) -> Chosen:
    if raw.get("type") not in known:
        raise BadInputError(f"type must be one of {', '.join(known)}.")
    try:
        return settings.chosen_from(group, dict(raw), group.removesuffix("s"))
    except RoastwatchError as error:
        raise BadInputError(str(error)) from error


def _device(one: Device, *, unique: bool) -> dict[str, Any]:
    return {
        "name": one.name,
        "host_api": one.host_api,
        "default": one.is_default,
        "source": {"type": "microphone", "device": one.name if unique else one.index},
    }


def _network(one: discovery.NetworkMicrophone) -> dict[str, Any]:
    if one.source == "wyoming":
        source: dict[str, Any] = {"type": "wyoming", "host": one.host, "port": one.port}
    else:
        source = {"type": "stream", "url": f"rtsp://{one.host}:{one.port}/"}
    return {"name": one.name, "source": source}
