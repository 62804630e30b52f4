"""For `roastwatch doctor`: log in at the broker, try what the sink does, clean up."""

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
    options: MqttOptions, context: SinkContext, topics: Topics, announcing: DiscoveryPublisher
) -> list[Finding]:
    """Findings of a login: version, rights on our topics, limits, duplicate ids."""
    identifier = f"roastwatch-{context.instance}-doctor-{uuid.uuid4().hex[:8]}"
    place = f"{options.host}:{options.port}"
    try:
        async with connected(options, identifier) as link:
            who = f"as {options.username}" if options.username else "without a user name"
            how = "encrypted" if options.tls else "not encrypted"
            found = [Finding(True, f"{place}: logged in {who}, MQTT {link.protocol}, {how}")]
            found += await _rights(link, context, topics, announcing)
            found += _limits(link)
            return found
    except LostError as error:
        return [Finding(False, str(error))]


async def _rights(
    link: BrokerConnection, context: SinkContext, topics: Topics, announcing: DiscoveryPublisher
) -> list[Finding]:
    """Whether the broker allows reading and writing of the sink's topics.

    Written is what changes nothing: a word on the topic where two of one name meet, the state of
    no entity, and each discovery as the broker holds it, not retained.
    """
    read = [topics.session, topics.state("+", "+"), topics.available]
    for station in context.stations:
        read += (topics.discovery(station), topics.discovery_parts(station))
    refused = await link.subscribe(*read, topics.set("+", "+"), topics.birth)
    if refused:
        return [_refusal(f"does not allow reading {' or '.join(refused)}")]
    word = f"doctor {uuid.uuid4().hex}"
    held: dict[str, bytes] = {}
    await link.publish(topics.session, word, retain=False)
    waits = {topics.session: word.encode()}
    await _echoes(link, waits, held)  # and retained messages, which arrive before it
    if waits:
        return [_refusal(f"does not allow writing or reading {topics.session}")]
    for station in context.stations:
        waits[topics.state(station, "doctor")] = word.encode()
        waits[topics.discovery(station)] = held.get(topics.discovery(station), b"")
    waits = {topic: payload for topic, payload in waits.items() if link.fits(topic, payload)}
    for topic, payload in waits.items():
        await link.publish(topic, payload, retain=False)
    await _echoes(link, waits, {})
    found = [_refusal(f"does not allow writing or reading {topic}") for topic in waits]
    if not found:
        found = [Finding(True, f"may write and read roastwatch/{context.instance}/# and discovery")]
    for station in context.stations:
        if topics.discovery(station) in held:
            announcing.held(station, 0, held[topics.discovery(station)])
    found += [Finding(False, sentence) for sentence in announcing.clashes()]
    if held.get(topics.available) == ONLINE.encode():
        found.append(
            Finding(
                None,
                f"the instance '{context.instance}' is online at this broker now",
            )
        )
    return found


async def _echoes(link: BrokerConnection, waits: dict[str, bytes], held: dict[str, bytes]) -> None:
    """Remove from `waits` what comes back; retained messages go to `held`."""
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
            f"accepts messages of at most {link.largest_bytes} bytes: discovery is split into "
            "parts, and pictures that are longer are left out",
        )
    ]
