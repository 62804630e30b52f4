"""A Kaleido M1 at the level of its frames: answers each pair; no heat unless enabled, and none at
or above its target temperature, which is 0 after power-up. Without a host it heats on. A command
that follows another within 100 ms is lost.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import WSMsgType, web

from tests.fakes.thermal import Thermal

STEPS = {"HP": 5, "FC": 5, "RC": 10}


class FakeKaleido:
    def __init__(self, speed: float = 1.0, *, knows_a1: bool = True) -> None:
        self.send: Callable[[bytes], None] = lambda data: None
        self.thermal = Thermal(speed)
        self.values = {"HP": 0, "FC": 0, "RC": 0, "HS": 0, "AH": 0, "CS": 0}
        self.target_c = 0.0
        self.least_gap_s = 0.0
        """Commands closer than this are lost (0.1 on the real machine)."""
        self.clock: Callable[[], float] = time.monotonic
        self.lost: list[str] = []
        self._heard_s = float("-inf")
        self.unit = "F"
        self.guarded = False
        self.answers = True
        self.pairs: list[str] = []
        self.stuck_burner: int | None = None
        self._knows_a1 = knows_a1
        self._buffer = b""

    def plugged(self) -> None:
        self._buffer = b""

    def received(self, data: bytes) -> None:
        self._buffer += data
        while b"\n" in self._buffer:
            raw, self._buffer = self._buffer.split(b"\n", 1)
            match = re.fullmatch(r"\{\[([A-Z0-9 ,]+)\]\}", raw.decode("latin-1").strip())
            now_s, before_s = self.clock(), self._heard_s
            self._heard_s = now_s
            if now_s - before_s < self.least_gap_s:
                self.lost.append(raw.decode("latin-1"))
                continue
            for pair in match[1].split(",") if match else ():
                self._obey(pair)

    def _obey(self, pair: str) -> None:
        self.pairs.append(pair)
        match pair.split():
            case ["PI"]:
                self._reply("")
            case ["TU", unit]:
                self.unit = unit
                self._reply(f",TU:{unit}")
            case ["SC", "AR"]:
                self.guarded = True
                self._reply(",SN:1234ABCD")
            case ["CL", "AR"]:
                self.guarded = False
                self._reply(",SN:1234ABCD")
            case ["RD", "A0"]:
                self._reply(self._data())
            case ["RD", "A1"] if self._knows_a1:
                self._reply(f"{self._data()},HS:{self.values['HS']}")
            case ["TS", value] if re.fullmatch(r"\d{1,3}(\.\d)?", value):
                celsius = float(value) if self.unit == "C" else (float(value) - 32) / 1.8
                if celsius <= 240:
                    self.target_c = celsius
                self._reply(f",TS:{self._temp(self.target_c)}")
            case [tag, value] if tag in self.values and value.isdigit():
                step = STEPS.get(tag, 1)
                self.values[tag] = min(100 if tag in STEPS else 1, int(value) // step * step)
                if tag == "HP" and self.stuck_burner is not None:
                    self.values["HP"], self.values["HS"] = self.stuck_burner, 1
                self._reply(f",{tag}:{self.values[tag]}")

    def _temp(self, celsius: float) -> str:
        return f"{celsius if self.unit == 'C' else celsius * 1.8 + 32:.1f}"

    def _data(self) -> str:
        now = self.values
        if self.stuck_burner is not None:
            now["HS"] = 1
        return (
            f",BT:{self._temp(self.thermal.bean_c)},ET:{self._temp(self.thermal.air_c)}"
            f",AT:{self._temp(25)},HP:{now['HP']},FC:{now['FC']},RC:{now['RC']}"
            f",AH:{now['AH']},TS:{self._temp(self.target_c)}"
        )

    def _reply(self, pairs: str) -> None:
        if self.answers:
            self.send(f"{{0{pairs}}}\n".encode())

    @property
    def burns(self) -> int:
        """The burner's actual heat, percent."""
        if self.stuck_burner is not None:
            return self.stuck_burner
        hot = self.thermal.bean_c >= self.target_c
        return self.values["HP"] if self.values["HS"] and not hot else 0

    def power_cycle(self) -> None:
        """Switch it off and on."""
        self.values = dict.fromkeys(self.values, 0)
        self.unit, self.target_c, self.guarded = "F", 0.0, False

    def tick(self, passed_s: float) -> None:
        now = self.values
        heat = self.burns / 100
        self.thermal.pass_time(passed_s, heat, now["FC"] / 100, now["CS"])


@contextlib.asynccontextmanager
async def kaleido_websocket(machine: FakeKaleido) -> AsyncIterator[str]:
    """The machine's own WebSocket at /ws."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        machine.send = outgoing.put_nowait
        machine.plugged()

        async def send() -> None:
            while True:
                await socket.send_str((await outgoing.get()).decode().rstrip("\n"))

        sender = asyncio.create_task(send())
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                machine.received(message.data.rstrip("\n").encode() + b"\n")
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        return socket

    app = web.Application()
    app.router.add_get("/ws", serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    finally:
        await runner.cleanup()
