"""Artisan as a client, after the behaviour of its own code (wsport, mqttport, event actions).

It has what roastwatch's proof needs: settings from an `.aset` file, the WebSocket that reconnects,
requests with an id and a limit of 0.5 s, marks that are set once and run the action of their
button, commands that are evaluated with `_` and `$` replaced, sliders, and alarms.
"""

import asyncio
import contextlib
import json
import random
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

CHARGE, DRY, FCS, FCE, SCS, SCE, DROP = range(7)
_EVAL_LIMIT = 300
_REQUEST_S = 0.5


def settings(text: str) -> dict[str, dict[str, list[str]]]:
    """An `.aset` file as Qt reads it: group → key → list of texts."""
    found: dict[str, dict[str, list[str]]] = {}
    group: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            group = found.setdefault(line[1:-1], {})
        elif line.strip():
            key, _, value = line.partition("=")
            group[key] = _cells(value)
    return found


def _cells(value: str) -> list[str]:
    cells, cell, quoted, place = [], "", False, 0
    while place < len(value):
        sign = value[place]
        if sign == "\\":
            place += 1
            cell += value[place]
        elif sign == '"':
            quoted = not quoted
        elif sign == "," and not quoted:
            cells.append(cell.strip())
            cell = ""
        elif sign == ";" and not quoted:
            break  # Qt takes the rest for a comment
        else:
            cell += sign
        place += 1
    return [*cells, cell.strip()]


class _Signal:
    def __init__(self, said: list[str]) -> None:
        self._said = said

    def emit(self, message: str, _append: bool, _style: object) -> None:
        self._said.append(message)


class Artisan:
    """One Artisan with its settings, which is ON and perhaps recording (`flagstart`)."""

    def __init__(self, aset: str, clock: Callable[[], float] | None = None) -> None:
        self.settings = settings(aset)
        self.flagstart = True
        self.timeindex: list[float | None] = [None] * 8
        """When each mark was set, by `clock`."""
        self.said: list[str] = []
        """Its message line."""
        self.popups: list[str] = []
        self.sendmessageSignal = _Signal(self.said)
        self.channels: dict[str, float] = {}
        self.connections = 0
        self.connected = asyncio.Event()
        self.publish: Callable[[str, Any], Awaitable[None]] | None = None
        self._clock = clock or asyncio.get_running_loop().time
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last_read: dict[str, Any] | None = None
        self._fired: set[int] = set()
        self._actions: set[asyncio.Task[None]] = set()

    # The WebSocket

    @contextlib.asynccontextmanager
    async def on(self) -> Any:
        """Connected, and connected again after each loss, until the end of the block."""
        running = asyncio.create_task(self._connect())
        try:
            async with asyncio.timeout(20):
                await self.connected.wait()
            yield self
        finally:
            running.cancel()
            await asyncio.gather(running, *self._actions, return_exceptions=True)

    async def _connect(self) -> None:
        ws = {key: cells[0] for key, cells in self.settings["WebSocket"].items()}
        headers = {
            "Origin": f"http://{socket.gethostname()}",
            "User-Agent": "Artisan/4.2.10 websockets",
        }
        url = f"ws://{ws['host']}:{ws['port']}/{ws['path']}"
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with session.ws_connect(url, headers=headers, compress=15) as link:
                        self._socket = link
                        self.connections += 1
                        self.connected.set()
                        async for message in link:
                            for line in str(message.data).strip().split("\n"):
                                self._consume(json.loads(line))
                self.connected.clear()
                await asyncio.sleep(0.01)  # Artisan waits 0.2 s

    async def lose_connection(self) -> None:
        """The network fails."""
        self.connected.clear()
        assert self._socket is not None
        await self._socket.close()

    def _consume(self, message: dict[str, Any]) -> None:
        ws = {key: cells[0] for key, cells in self.settings["WebSocket"].items()}
        if ws["id_node"] in message:
            waiting = self._pending.pop(message["id"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            return
        pushed = message.get(ws["pushMessage_node"])
        if pushed == ws["charge_message"]:
            self._mark(CHARGE)
        elif pushed == ws["drop_message"]:
            self._mark(DROP)
        elif pushed == ws["addEvent_message"] and self.flagstart:
            event = message[ws["data_node"]][ws["event_node"]]
            names = [ws[f"{name}_node"] for name in ("DRY", "FCs", "FCe", "SCs", "SCe")]
            if event in names:
                self._mark(DRY + names.index(event))

    def _mark(self, place: int) -> None:
        """Set a mark once, now, and run the action of its button, as Artisan does."""
        if not self.flagstart or self.timeindex[place] is not None:
            return
        self.timeindex[place] = self._clock()
        buttons = self.settings["DefaultButtons"]
        if buttons["buttonactions"][place] != "0":
            action = asyncio.create_task(self.run(buttons["buttonactionstrings"][place]))
            self._actions.add(action)
            action.add_done_callback(self._actions.discard)

    async def ask(self, request: dict[str, Any], block: bool = True) -> dict[str, Any] | None:
        """Send a request; its answer, or None if it comes too late or nobody is there."""
        if self._socket is None or self._socket.closed:
            return None
        number = random.randint(1, 99999)
        text = json.dumps(request | {"id": number, "roasterID": 0})
        if not block:
            await self._socket.send_str(text)
            return None
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = waiting
        await self._socket.send_str(text)
        try:
            async with asyncio.timeout(_REQUEST_S):
                return await waiting
        except TimeoutError:
            self._pending.pop(number, None)
            return None

    # Its screen

    async def sample(self) -> dict[str, float]:
        """One sampling: all channels (−1 is no reading), and the alarms."""
        nodes = self.settings["WebSocket"]["channel_nodes"]
        answer = await self.ask({"command": self.settings["WebSocket"]["request_data_command"][0]})
        data = answer["data"] if answer is not None else {}
        self.channels = {node: float(data[node]) if node in data else -1.0 for node in nodes}
        self.alarms(list(self.channels.values()))
        return self.channels

    def alarms(self, values: list[float]) -> None:
        """Fire the alarms that are due; each fires once."""
        rows = self.settings["Alarms"]
        for place, source in enumerate(rows["alarmsource"]):
            since = int(rows["alarmtime"][place])
            # A source is ET, BT, and then the channels in order.
            number = {0: 1, 1: 0}.get(int(source), int(source))
            begun = since == 9 or (self.flagstart and self.timeindex[since] is not None)
            if place in self._fired or not begun or values[number] == -1:
                continue
            limit = float(rows["alarmtemperature"][place])
            condition = {"1": values[number] > limit, "2": values[number] == limit}
            if not condition[rows["alarmcond"][place]]:
                continue
            self._fired.add(place)
            action, text = int(rows["alarmaction"][place]), rows["alarmstrings"][place]
            if action == 0:
                self.popups.append(text.split("#")[0])
            else:
                self._mark({8: DRY, 9: FCS, 10: FCE, 11: SCS, 13: DROP, 16: CHARGE}[action])

    async def press(self, label: str) -> None:
        """A person presses a button of their own, such as ARM."""
        buttons = self.settings["ExtraEventButtons"]
        place = buttons["extraeventslabels"].index(label)
        await self.run(buttons["extraeventsactionstrings"][place].format())

    async def slide(self, slider: int, value: float) -> None:
        """A person moves a slider: 0 Air, 1 Drum, 3 Burner."""
        command = self.settings["Sliders"]["slidercommands"][slider]
        await self.run(command.format(*[value] * command.count("{}")))

    def press_mark(self, place: int) -> None:
        """A person presses CHARGE, FCs or DROP."""
        self._mark(place)

    async def run(self, command: str) -> None:
        """An event action: a command, or several with semicolons between them."""
        command = re.split(r"\#(?![^\(]*\))", command)[0].strip()
        for part in filter(None, command.split(";")):
            text = part.strip()
            if text.startswith("publish"):
                text = text.replace("_", "0")
                topic, _, value = text[len("publish(") : -1].partition(",")
                assert self.publish is not None
                await self.publish(topic, eval(value[:_EVAL_LIMIT]))
                continue
            if self._last_read is not None:
                text = text.replace("_", str(self._last_read))
            text = text.replace("$", "0")
            with contextlib.suppress(Exception):  # Artisan logs it and goes on
                if text.startswith("send"):
                    await self.ask(eval(text[len("send(") : -1][:_EVAL_LIMIT]), block=False)
                elif text.startswith("read"):
                    self._last_read = await self.ask(eval(text[len("read") : _EVAL_LIMIT]))
                elif text.startswith("button"):
                    eval(text[len("button") : _EVAL_LIMIT], {}, {"self": self})
