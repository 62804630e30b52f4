"""The Wyoming protocol. This is the only module that uses the library `wyoming`."""

import asyncio
from typing import Any

from wyoming.audio import AudioChunk
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.satellite import PauseSatellite, RunSatellite

from roastwatch.audio.pcm import NetworkFormat

WIDTHS: dict[int, NetworkFormat] = {2: "s16le", 3: "s24le", 4: "s32le"}
"""Bytes of a sample → its encoding."""
_LONGEST_BYTES = 1 << 20


class _Bounded(asyncio.StreamReader):
    """A length comes from the peer: nothing absurd is waited for."""

    async def readexactly(self, n: int) -> bytes:
        if n > _LONGEST_BYTES:
            raise ValueError(f"{n} bytes are announced")
        return await super().readexactly(n)


class WyomingPeer:
    """A connection to a satellite or a microphone service.

    `OSError`, `asyncio.IncompleteReadError` and `ValueError` mean that it is lost.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, host: str, port: int) -> "WyomingPeer":
        """Open a connection.

        Raises:
            OSError: it can't be opened.
        """
        loop = asyncio.get_running_loop()
        reader = _Bounded(limit=_LONGEST_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_connection(lambda: protocol, host, port)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def start(self) -> None:
        """Let a satellite send its sound; a mere microphone sends anyway.

        The ping makes a satellite look whether this end still lives. Without it, a satellite whose
        cable was pulled refuses every new connection, for the lost one's sake.
        """
        for event in (RunSatellite().event(), Ping().event()):
            await async_write_event(event, self._writer)

    async def chunk(self) -> AudioChunk | None:
        """The next sound; None for any other event. Answers pings.

        Raises:
            ConnectionError: the peer has closed the connection, or it speaks something else.
        """
        event = await self._event()
        if Ping.is_type(event.type):
            text = event.data.get("text")
            await async_write_event(Pong(text=text).event(), self._writer)
        if not AudioChunk.is_type(event.type):
            return None
        found = AudioChunk.from_event(event)
        numbers: tuple[Any, ...] = (found.rate, found.width, found.channels)
        if not all(isinstance(number, int) and number > 0 for number in numbers):
            raise ValueError("the sound has no valid form")
        return found

    async def kinds(self) -> set[str]:
        """What the peer offers, such as `satellite` or `mic`."""
        await async_write_event(Describe().event(), self._writer)
        while True:
            event = await self._event()
            if Info.is_type(event.type):
                return {kind for kind, offered in event.data.items() if offered}

    async def stop(self) -> None:
        """Let a satellite stop sending."""
        await async_write_event(PauseSatellite().event(), self._writer)

    async def close(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()

    async def _event(self) -> Event:
        try:
            event = await async_read_event(self._reader)
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError("it does not speak Wyoming") from error
        if event is None:
            raise ConnectionError("it closed the connection")
        return event
