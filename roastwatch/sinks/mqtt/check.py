"""For `roastwatch doctor`: log in at the broker, try what the sink does there, leave nothing."""

import asyncio
import contextlib
import uuid

from roastwatch.errors import LostError
from roastwatch.sinks.mqtt.connection import BrokerConnection, connected
from roastwatch.sinks.mqtt.discovery_publisher import DiscoveryPublisher
from roastwatch.sinks.mqtt.options import MqttOptions
from roastwatch.sinks.mqtt.topics import ONLINE, Topics
from roastwatch.sinks.sink import Finding, SinkContext

_ECHO_WITHIN_S = 3.0


async def check_broker(
    options: MqttOptions, told: SinkContext, topics: Topics, announcing: DiscoveryPublisher
) -> list[Finding]:
    """What a login finds: version, rights on our topics, limits, others of the same ids."""
    identifier = f"roastwatch-{told.instance}-doctor-{uuid.uuid4().hex[:8]}"
    place = f"{options.host}:{options.port}"
    try:
        async with connected(options, identifier) as link:
            who = f"as {options.username}" if options.username else "without a user name"
            how = "encrypted" if options.tls else "not encrypted"
            found = [Finding(True, f"{place}: logged in {who}, MQTT {link.protocol}, {how}")]
            found += await _rights(link, told, topics, announcing)
            found += _limits(link)
            return found
    except LostError as error:
        return [Finding(False, str(error))]


async def _rights(
    link: BrokerConnection, told: SinkContext, topics: Topics, announcing: DiscoveryPublisher
) -> list[Finding]:
    """Whether we may read and write where the sink does.

    Written is what changes nothing: a word on the topic where two of one name meet, the state of
    no entity, and each discovery as the broker holds it, not retained.
    """
    read = [topics.session, topics.state("+", "+"), topics.available]
    for station in told.stations:
        read += (topics.discovery(station), topics.discovery_parts(station))
    refused = await link.subscribe(*read, topics.set("+", "+"), topics.birth)
    if refused:
        return [_refusal(f"doesn't let us read {' or '.join(refused)}")]
    word = f"doctor {uuid.uuid4().hex}"
    held: dict[str, bytes] = {}
    await link.publish(topics.session, word, retain=False)
    waits = {topics.session: word.encode()}
    await _echoes(link, waits, held)  # and what is retained, which comes before it
    if waits:
        return [_refusal(f"doesn't let us write or read {topics.session}")]
    for station in told.stations:
        waits[topics.state(station, "doctor")] = word.encode()
        waits[topics.discovery(station)] = held.get(topics.discovery(station), b"")
    waits = {topic: payload for topic, payload in waits.items() if link.fits(topic, payload)}
    for topic, payload in waits.items():
        await link.publish(topic, payload, retain=False)
    await _echoes(link, waits, {})
    found = [_refusal(f"doesn't let us write or read {topic}") for topic in waits]
    if not found:
        found = [Finding(True, f"may write and read roastwatch/{told.instance}/# and discovery")]
    for station in told.stations:
        if topics.discovery(station) in held:
            announcing.held(station, 0, held[topics.discovery(station)])
    found += [Finding(False, sentence) for sentence in announcing.clashes()]
    if held.get(topics.available) == ONLINE.encode():
        found.append(
            Finding(None, f"a roastwatch named '{told.instance}' is online at this broker now")
        )
    return found


async def _echoes(link: BrokerConnection, waits: dict[str, bytes], held: dict[str, bytes]) -> None:
    """Take from `waits` what comes back; what is retained goes to `held`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ECHO_WITHIN_S):
            async for message in link.messages():
                if message.retained:
                    held[message.topic] = message.payload
                elif waits.get(message.topic) == message.payload:
                    del waits[message.topic]
                if not waits:
                    return


def _refusal(what: str) -> Finding:
    return Finding(False, f"The broker {what}: allow it in the broker's access list.")


def _limits(link: BrokerConnection) -> list[Finding]:
    if link.largest_bytes is None:
        return []
    return [
        Finding(
            None,
            f"takes messages of at most {link.largest_bytes} bytes: discovery is divided into "
            "parts, and pictures that are longer are left out",
        )
    ]
