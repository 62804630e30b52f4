"""A Modbus roaster: pymodbus's real server, with registers that warm up."""

import asyncio
import contextlib
import os
import pty
import struct
import tty
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.fakes.thermal import Thermal

PROFILE = """
machine: Test drum
when_host_is_gone: off
inputs:
  bean_temp: {register: 7, divider: 10}
  environment_temp: {register: 8, function: 4, decode: float32}
  heater: {register: 20}
  fan: {register: 21}
  drum: {register: 3, function: 1}
outputs:
  heater: {register: 20}
  fan: {register: 21, function: 16}
  drum: {register: 3, function: 5}
  cooling: {register: 4, function: 5}
"""


class FakeModbusRoaster:
    """Its registers outlive the server: the machine stays on while its cable is unplugged."""

    def __init__(self, speed: float = 1.0) -> None:
        self.thermal = Thermal(speed)
        self.registers: dict[str, list[int]] = {
            "c": [0] * 8,
            "d": [0] * 8,
            "h": [0] * 100,
            "i": [0] * 100,
        }
        self.tick(0)

    def device(self) -> SimDevice:
        bits = [SimData(0, count=128, values=False, datatype=DataType.BITS)]
        words = [SimData(0, count=100, values=0, datatype=DataType.REGISTERS)]
        return SimDevice(1, (bits, bits, words, words))

    def serve(self, server: ModbusBaseServer) -> None:
        """Make the server use these registers."""
        runtime = server.context.devices[1]
        for key, (start, count, _, flags) in runtime.block.items():
            runtime.block[key] = (start, count, self.registers[key], flags)

    def get(self, function: int, register: int) -> int:
        words = self.registers["_cdhi"[function]]
        return words[register // 16] >> register % 16 & 1 if function < 3 else words[register]

    def put(self, function: int, register: int, values: list[int]) -> None:
        words = self.registers["_cdhi"[function]]
        if function < 3:
            words[register // 16] = values[0] << register % 16
        else:
            words[register : register + len(values)] = values

    def tick(self, passed_s: float) -> None:
        self.thermal.pass_time(passed_s, self.get(3, 20) / 100, self.get(3, 21) / 100)
        self.put(3, 7, [round(self.thermal.bean_c * 10)])
        raw = struct.pack(">f", self.thermal.air_c)
        self.put(4, 8, [int.from_bytes(raw[2:], "big"), int.from_bytes(raw[:2], "big")])

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.tick(0.05)


@contextlib.asynccontextmanager
async def modbus_tcp(fake: FakeModbusRoaster, port: int = 0) -> AsyncIterator[str]:
    server = ModbusTcpServer(fake.device(), address=("127.0.0.1", port))
    fake.serve(server)
    await server.serve_forever(background=True)
    ticker = asyncio.create_task(fake.run())
    listening: Any = server.transport
    try:
        yield f"tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)
        await server.shutdown()


@contextlib.asynccontextmanager
async def modbus_rtu(fake: FakeModbusRoaster, folder: Path) -> AsyncIterator[str]:
    """The server behind a null-modem cable of two pseudo-terminals."""
    loop = asyncio.get_running_loop()
    ends = [pty.openpty(), pty.openpty()]
    for (near, slave), (far, _) in zip(ends, ends[::-1], strict=True):
        tty.setraw(slave)
        os.set_blocking(near, False)

        def pump(near: int = near, far: int = far) -> None:
            with contextlib.suppress(OSError):
                os.write(far, os.read(near, 4096))

        loop.add_reader(near, pump)
    host, machine = (os.ttyname(slave) for _, slave in ends)
    server = ModbusSerialServer(fake.device(), framer=FramerType.RTU, port=machine, baudrate=19200)
    fake.serve(server)
    await server.serve_forever(background=True)
    ticker = asyncio.create_task(fake.run())
    try:
        yield host
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)
        await server.shutdown()
        for near, slave in ends:
            loop.remove_reader(near)
            os.close(near)
            os.close(slave)
