"""Modbus requests over RTU, ASCII or TCP by pymodbus, with replies that can be trusted.

RTU has no transaction numbers, so a late reply could be taken for the next one. After a request
without a reply, the line pauses until no late reply can arrive.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial
from urllib.parse import urlsplit

from pydantic import Field
from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException
from pymodbus.pdu import ModbusPDU

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.modbus_profile import (
    Code,
    ModbusInput,
    ModbusOutput,
    ModbusProfile,
    decode,
    encode,
)
from roastwatch.roaster.transport.serial import PortOptions, explain_opening


class Framing(StrEnum):
    """How messages are framed."""

    AUTO = "auto"
    TCP = "tcp"
    RTU = "rtu"
    ASCII = "ascii"


class LineOptions(PortOptions):
    """The machine's port and framing."""

    framing: Framing = Field(
        Framing.AUTO,
        description="Framing of messages: tcp, rtu or ascii; auto: rtu on a serial port, else tcp.",
    )
    baud: int = Field(19200, description="Baud rate of a serial port.", gt=0)
    parity: str = Field("N", description="Parity: N none, E even, O odd.", pattern="^[NEO]$")
    stop_bits: int = Field(1, description="Stop bits: 1 or 2.", ge=1, le=2)
    reply_s: float = Field(0.4, description="Seconds to wait for a reply.", gt=0, le=2)


class RefusedError(Exception):
    """The machine replied with a Modbus exception."""


class ModbusLine:
    """One client, one request at a time, inside an async context."""

    def __init__(self, options: LineOptions, profile: ModbusProfile) -> None:
        self._options = options
        self._profile = profile
        self._where = f"{profile.machine} on {options.port}"
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._order = asyncio.Lock()
        self._unsettled = False

    async def open(self) -> None:
        """Connect. Raises LostError (no reply) or BadInputError (invalid address)."""
        self._unsettled = False
        self._client = self._make_client()
        if not await self._client.connect():
            address = self._address()
            port = "tcp://{}:{}".format(*address) if address else self._options.port
            raise await explain_opening(port, self._profile.machine)

    def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def connected(self) -> bool:
        """Whether the link is up."""
        return self._client is not None and self._client.connected

    async def get(self, source: ModbusInput) -> float | None:
        """The number at one input.

        Raises:
            LostError: no reply.
            RefusedError: a Modbus exception.
        """
        client, device = self._open_client(), source.device or self._profile.device
        read = {
            1: client.read_coils,
            2: client.read_discrete_inputs,
            3: client.read_holding_registers,
            4: client.read_input_registers,
        }[source.function]
        bits = source.function < 3
        count = 1 if bits else source.decode.words
        answer = await self._ask(
            partial(read, source.register_, count=count, device_id=device), source.function
        )
        if bits:
            return float(answer.bits[0]) if answer.bits else None
        return decode(answer.registers, source.decode, self._profile.word_order)

    async def put(self, output: ModbusOutput, percent: float, *, down: bool) -> None:
        """Write one output, rounded `down` or up (a minimum must be met). Raises as `get` does."""
        client, device = self._open_client(), output.device or self._profile.device
        raw = percent * output.full / 100
        if output.encode is not Code.FLOAT32:
            raw = float(math.floor(raw) if down else math.ceil(raw - 1e-6))
        words = encode(raw, output.encode, self._profile.word_order)
        address = output.register_
        request: Callable[[], Awaitable[ModbusPDU]]
        match output.function:
            case 5:
                request = partial(client.write_coil, address, percent > 0, device_id=device)
            case 16:
                request = partial(client.write_registers, address, words, device_id=device)
            case 22:
                request = partial(
                    client.mask_write_register,
                    address=address,
                    and_mask=0xFFFF & ~output.mask,
                    or_mask=words[0] & output.mask,
                    device_id=device,
                )
            case _:
                request = partial(client.write_register, address, words[0], device_id=device)
        answer = await self._ask(request, output.function)
        if answer.address != address:
            self._unsettled = True
            raise LostError(f"The {self._where} sent a reply to another request.")

    async def _ask(self, request: Callable[[], Awaitable[ModbusPDU]], function: int) -> ModbusPDU:
        async with self._order:
            try:
                if self._unsettled:
                    await asyncio.sleep(self._options.reply_s)
                self._unsettled = True
                answer = await request()
            except ConnectionException as error:
                raise LostError(f"The link to the {self._where} is gone.") from error
            except (ModbusException, OSError) as error:
                raise LostError(f"The {self._where} does not reply.") from error
            if answer.isError():
                self._unsettled = False
                raise RefusedError(f"Modbus exception {getattr(answer, 'exception_code', '?')}")
            if answer.function_code != function:
                raise LostError(f"The {self._where} sent a reply to another request.")
            self._unsettled = False
            return answer

    def _open_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        if self._client is None:
            raise LostError(f"The {self._where} is not open.")
        return self._client

    def _make_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        options = self._options
        address = self._address()
        framing = options.framing
        if framing is Framing.AUTO:
            framing = Framing.TCP if address else Framing.RTU
        framer = {
            Framing.TCP: FramerType.SOCKET,
            Framing.RTU: FramerType.RTU,
            Framing.ASCII: FramerType.ASCII,
        }[framing]
        if address:
            return AsyncModbusTcpClient(
                address[0],
                port=address[1],
                framer=framer,
                timeout=options.reply_s,
                retries=0,
                reconnect_delay=0,
            )
        if framer is FramerType.SOCKET:
            raise BadInputError("Modbus TCP needs tcp://host:502 as `port`, not a serial port.")
        return AsyncModbusSerialClient(
            options.port,
            framer=framer,
            baudrate=options.baud,
            parity=options.parity,
            stopbits=options.stop_bits,
            timeout=options.reply_s,
            retries=0,
            reconnect_delay=0,
        )

    def _address(self) -> tuple[str, int] | None:
        """Host and port of a machine on the network; None for a serial port."""
        if "://" not in self._options.port:
            return None
        try:
            network = urlsplit(self._options.port)
            host, port = network.hostname, network.port or 502
        except ValueError:
            host, port = None, 0
        if not host:
            raise BadInputError(
                f"{self._options.port} is not a valid address: write tcp://host:502."
            )
        return host, port
