"""A roaster behind MQTT topics: any smart plug, ESPHome or Tasmota device.

The last will that roastwatch leaves with the broker turns the heater off: if this program dies,
the broker sends it. Only a device that has also lost the broker keeps heating.
"""

import asyncio
import contextlib
import logging
import secrets
from functools import partial
from urllib.parse import urlsplit

import aiomqtt

from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import BackgroundDriver, check_target
from roastwatch.roaster.drivers.mqtt_options import ControlTopics, MqttRoasterOptions
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.vocabulary import Actuator, Reading

KEEP_ALIVE_S = 5
READBACK_S = 1.5
REPEAT_S = 0.5
OBEYS_WITHIN_S = 2.0
"""A device that reports its heater off this long after it was turned on has restarted."""
log = logging.getLogger(__name__)
log.setLevel(logging.ERROR)
SAFE = (
    (Actuator.HEATER, 0.0),
    (Actuator.DRUM, 100.0),
    (Actuator.COOLING, 100.0),
    (Actuator.FAN, 100.0),
)


class MqttRoaster(BackgroundDriver):
    """A roaster behind an MQTT broker."""

    Options = MqttRoasterOptions

    def __init__(
        self, options: MqttRoasterOptions, station: str, *, read_only: bool = False
    ) -> None:
        self._options = options
        super().__init__(
            station,
            machine="MQTT roaster",
            where=f"MQTT roaster at {options.port}",
            silence_s=options.silence_s,
        )
        self._controls: dict[Actuator, ControlTopics] = {
            actuator: control
            for actuator in Actuator
            if not read_only and (control := getattr(options, actuator.value, None)) is not None
        }
        self._client: aiomqtt.Client | None = None
        self._state_arrived = asyncio.Event()
        self._reset()
        self._mishaps = Mishaps(log, lambda _counter: None)

    @property
    def capabilities(self) -> Capabilities:
        """What the topics allow."""
        options, controls = self._options, self._controls
        return Capabilities(
            machine="MQTT roaster",
            actuators=frozenset(controls),
            reads_bean_temp=options.bean_temp is not None,
            reads_environment_temp=options.environment_temp is not None,
            read_period_s=1.0,
            keep_alive_s=None,
            silence_s=options.silence_s,
            when_host_is_gone=options.when_host_is_gone,
            make_safe_writes=", ".join(
                f"{control.command_topic} {control.payload_of(percent, down=False)}"
                for actuator, percent in SAFE
                if (control := controls.get(actuator)) is not None
            )
            or "nothing",
            echoes=frozenset(a for a, control in controls.items() if control.state_topic),
            levels={a: (0.0, 100.0) for a, control in controls.items() if control.is_switch},
        )

    def _reset(self) -> None:
        self._temps: dict[str, tuple[float, float]] = {}
        """Monotonic seconds and °C of each temperature."""
        self._states: dict[Actuator, float] = {}
        self._heat_setpoint = self._heat_written_s = 0.0
        self._repeat_heat = self._online = False

    async def _open(self) -> None:
        """Connect with "heater off" as last will, write it too, wait until it is reported."""
        client = self._make_client()
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            raise LostError(
                f"The MQTT broker at {self._options.port} can't be reached ({error}): check "
                "that it is running, and check port, username and password."
            ) from error
        self._client = client
        self._start(partial(self._listen, client), "mqtt roaster")
        await self._subscribe(client)
        if Actuator.HEATER in self._controls:
            await self.write(Actuator.HEATER, 0.0)
            await self._see_heat_off()

    async def _say_goodbye(self) -> None:
        # After a regular disconnect the broker drops the last will, so send it ourselves.
        if Actuator.HEATER in self._controls:
            await self.write(Actuator.HEATER, 0.0)

    async def _close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            with contextlib.suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Publish with QoS 1; return when the broker has confirmed it."""
        control = self._controls.get(actuator)
        if control is None:
            raise BadInputError(f"The MQTT roaster has no topic for its {actuator.value}.")
        check_target(actuator, percent, self._controls.keys(), self._machine)
        if self._client is None:
            raise LostError("The MQTT roaster is not open.")
        self._newest.check()
        text = control.payload_of(percent, down=actuator is Actuator.HEATER)
        if actuator is Actuator.HEATER:
            self._heat_setpoint = percent
            self._heat_written_s = asyncio.get_running_loop().time()
        try:
            await self._client.publish(control.command_topic, text, qos=1)
        except aiomqtt.MqttError as error:
            raise LostError(f"The MQTT broker at {self._options.port} is gone.") from error

    async def make_safe(self) -> None:
        """Heater off, then drum, cooling and fan on where they have topics."""
        for actuator, percent in SAFE:
            if actuator in self._controls:
                await self.write(actuator, percent)

    def _make_client(self) -> aiomqtt.Client:
        options = self._options
        try:
            address = urlsplit(options.port)
            host, port = address.hostname, address.port
        except ValueError:
            address, host, port = None, None, None
        if address is None or not host or address.scheme not in ("mqtt", "mqtts", "tcp"):
            raise BadInputError(
                f"{options.port} is not a broker address: write mqtt://host:1883 or mqtts://host:8883."
            )
        encrypted = address.scheme == "mqtts"
        heater = self._controls.get(Actuator.HEATER)
        return aiomqtt.Client(
            host,
            port or (8883 if encrypted else 1883),
            username=options.username,
            password=options.password.get_secret_value() if options.password else None,
            identifier=f"roastwatch-roaster-{secrets.token_hex(4)}",
            keepalive=KEEP_ALIVE_S,
            timeout=2.0,
            tls_params=aiomqtt.TLSParameters() if encrypted else None,
            will=aiomqtt.Will(heater.command_topic, heater.payload_of(0, down=True), qos=1)
            if heater
            else None,
            logger=log,
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        options = self._options
        topics = {temp.topic for temp in (options.bean_temp, options.environment_temp) if temp}
        topics |= {c.state_topic for c in self._controls.values() if c.state_topic}
        topics |= {options.availability_topic} if options.availability_topic else set()
        try:
            await client.subscribe([(topic, 1) for topic in sorted(topics)])
        except aiomqtt.MqttError as error:
            raise LostError(f"The MQTT broker at {options.port} is gone.") from error

    async def _listen(self, client: aiomqtt.Client) -> None:
        repeated_s = 0.0
        try:
            async for message in client.messages:
                payload = message.payload
                with self._mishaps.contained(f"A message on {message.topic.value}"):
                    self._handle(message.topic.value, payload, retained=message.retain)
                now_s = asyncio.get_running_loop().time()
                if self._repeat_heat and now_s - repeated_s >= REPEAT_S:
                    self._repeat_heat, repeated_s = False, now_s
                    await self.write(Actuator.HEATER, self._heat_setpoint)
        except aiomqtt.MqttError as error:
            raise LostError(f"The MQTT broker at {self._options.port} is gone.") from error

    def _ended(self) -> None:
        self._state_arrived.set()

    def _handle(self, topic: str, payload: bytes, *, retained: bool) -> None:
        options = self._options
        heats = Actuator.HEATER in self._controls
        if topic == options.availability_topic:
            if payload.decode("utf-8", "replace") == options.offline:
                raise LostError(f"The MQTT roaster reports '{options.offline}' on {topic}.")
            # It came online after we did, so it has missed what was sent.
            if self._online and not retained:
                self._restarted()
            self._online = True
            self._repeat_heat = heats and self._heat_setpoint == 0
        for actuator, control in self._controls.items():
            if (
                topic == control.state_topic
                and (percent := control.percent_of(payload)) is not None
            ):
                self._states[actuator] = percent
                self._state_arrived.set()
                if actuator is Actuator.HEATER and percent > self._heat_setpoint + 1:
                    self._repeat_heat = True
                now_s = asyncio.get_running_loop().time()
                obeys = now_s - self._heat_written_s < OBEYS_WITHIN_S
                if actuator is Actuator.HEATER and percent == 0 < self._heat_setpoint and not obeys:
                    self._restarted()
        now_s = asyncio.get_running_loop().time()
        fresh = False
        for key in ("bean_temp", "environment_temp"):
            source = getattr(options, key)
            # A retained temperature was published before we connected: its age is unknown.
            if source is not None and topic == source.topic and not retained:
                value = probe_value(
                    self.doubts, f"{key}_c", source.value_c(payload), f"The topic {topic}"
                )
                if value is None:
                    self._temps.pop(key, None)
                else:
                    self._temps[key] = (now_s, value)
                    fresh = True
        if fresh and self._newest.untouched:
            self._repeat_heat = heats and self._heat_setpoint == 0
        if fresh:
            self._newest.put(self._reading(now_s))

    def _restarted(self) -> None:
        """The device has lost its setpoints: heat stays off until it is requested again."""
        self.restarts += 1
        self._heat_setpoint = 0.0
        self._repeat_heat = Actuator.HEATER in self._controls

    def _reading(self, now_s: float) -> Reading:
        def temp(key: str) -> float | None:
            at_s, value = self._temps.get(key, (-1e9, 0.0))
            return value if now_s - at_s <= self._options.stale_s else None

        return Reading(
            station=self._station,
            taken_at_s=now_s,
            bean_temp_c=temp("bean_temp"),
            environment_temp_c=temp("environment_temp"),
            heater_percent=self._states.get(Actuator.HEATER),
            fan_percent=self._states.get(Actuator.FAN),
            drum_percent=self._states.get(Actuator.DRUM),
            cooling_percent=self._states.get(Actuator.COOLING),
        )

    async def _see_heat_off(self) -> None:
        """Wait for the heater's readback. A device that was off may publish nothing.

        A device that still heats stays connected: its readings show it, and heat stays refused.
        """
        if self._controls[Actuator.HEATER].state_topic is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READBACK_S):
                while self._states.get(Actuator.HEATER) != 0:
                    self._newest.check()
                    self._state_arrived.clear()
                    await self._state_arrived.wait()
