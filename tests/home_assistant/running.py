"""A real Home Assistant that a test starts, talks with, kills and starts again."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support import debian_root
from tests.support.mosquitto import free_port
from tests.support.until import until

CLIENT = "http://roastwatch.test/"

CONFIGURATION = """
homeassistant:
  name: Roastery
  unit_system: metric
  time_zone: UTC
  country: DE
  packages: !include_dir_named packages
api:
config:
frontend:
history:
logbook:
recorder:
  commit_interval: 1
mobile_app:
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
input_boolean:
  crack_light:
  fan:
tts:
media_player:
logger:
  default: warning
"""


class HomeAssistant:
    """One instance with its own configuration folder, which outlives its restarts."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.port = free_port()
        self.token = ""
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._command = debian_root.inside(
            root,
            *("/srv/bin/hass", "--config", "/config", "--skip-pip"),
            binds={folder: "/config"},
        )
        storage = folder / ".storage"
        storage.mkdir(parents=True)
        (folder / "packages").mkdir()
        (folder / "configuration.yaml").write_text(CONFIGURATION)
        for name in ("automations", "scripts", "scenes"):
            (folder / f"{name}.yaml").write_text("[]\n" if name != "scripts" else "{}\n")
        # Left to itself it would install more integrations during onboarding.
        done = {"done": ["core_config", "analytics", "integration"]}
        onboarding = {"version": 4, "minor_version": 1, "key": "onboarding", "data": done}
        (storage / "onboarding").write_text(json.dumps(onboarding))

    async def start(self) -> None:
        """Start it and wait until it answers and has finished starting."""
        process = self._process = self._spawn()
        end_s = time.monotonic() + 240
        async with aiohttp.ClientSession() as session:
            while not await self._is_running(session):
                if process.poll() is not None or time.monotonic() > end_s:
                    raise RuntimeError(f"Home Assistant did not start:\n{self.log()[-3000:]}")
                await asyncio.sleep(0.25)

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = debian_root.environment() | {"SETUP_PORT": str(self.port)}
        with (self.folder / "console.log").open("ab") as log:
            return subprocess.Popen(
                self._command, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def log(self) -> str:
        """What it said since its first start."""
        return (self.folder / "console.log").read_text(errors="replace")

    def stop(self) -> None:
        """End it as its user would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        os.killpg(self._process.pid, how)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    async def _is_running(self, session: aiohttp.ClientSession) -> bool:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            if not self.token:
                await self._onboard(session)
            headers = {"Authorization": f"Bearer {self.token}"}
            async with session.get(f"{self.url}/api/config", headers=headers) as answer:
                return answer.status == 200 and (await answer.json())["state"] == "RUNNING"
        return False

    async def _onboard(self, session: aiohttp.ClientSession) -> None:
        """The owner's account, and a token that outlives restarts."""
        owner = {"name": "Owner", "username": "owner", "password": "roast-and-watch"}
        owner |= {"client_id": CLIENT, "language": "en"}
        async with session.post(f"{self.url}/api/onboarding/users", json=owner) as answer:
            if answer.status != 200:
                raise aiohttp.ClientError(await answer.text())
            code = (await answer.json())["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": CLIENT}
        async with session.post(f"{self.url}/auth/token", data=form) as answer:
            self.token = (await answer.json())["access_token"]
        async with self.talk() as home:
            wish = {"client_name": "tests", "lifespan": 30}
            self.token = await home.call("auth/long_lived_access_token", **wish)

    @asynccontextmanager
    async def talk(self) -> AsyncIterator["Talk"]:
        """A connection over REST and WebSocket."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as session,
            session.ws_connect("/api/websocket", max_msg_size=0) as socket,
        ):
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self.token})
            said = await socket.receive_json()
            if said["type"] != "auth_ok":
                raise RuntimeError(f"Home Assistant refuses the token: {said}")
            talk = Talk(session, socket)
            reader = asyncio.create_task(talk.read())
            try:
                yield talk
            finally:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)


class Talk:
    """What a test says to Home Assistant, and what it hears."""

    def __init__(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        self.session = session
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Callable[[dict[str, Any]], None]] = {}

    async def read(self) -> None:
        """Sort what comes in."""
        async for message in self.socket:
            for said in [found] if isinstance(found := message.json(), dict) else found:
                if said["type"] == "event":
                    self._listeners.get(said["id"], self.events.append)(said["event"])
                elif said["type"] == "result" and said["id"] in self._answers:
                    answer = self._answers.pop(said["id"])
                    if said["success"]:
                        answer.set_result(said["result"])
                    else:
                        answer.set_exception(RuntimeError(str(said["error"])))

    async def call(self, kind: str, **more: Any) -> Any:
        """A WebSocket command and its result."""
        self._number += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        await self.socket.send_json({"id": self._number, "type": kind, **more})
        async with asyncio.timeout(60):
            return await answer

    async def subscribe(self, kind: str, **more: Any) -> list[dict[str, Any]]:
        """A list that grows with what is heard: events, or a trigger's firings."""
        heard: list[dict[str, Any]] = []
        self._listeners[self._number + 1] = heard.append
        await self.call(kind, **more)
        return heard

    async def service(self, name: str, target: str | None = None, **fields: Any) -> None:
        """Call a service such as button.press."""
        domain, _, service = name.partition(".")
        more = {"target": {"entity_id": target}} if target else {}
        await self.call("call_service", domain=domain, service=service, service_data=fields, **more)

    async def post(self, path: str, body: Any) -> Any:
        """A REST request."""
        async with self.session.post(path, json=body) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise RuntimeError(f"{path}: {answer.status} {text}")
            return json.loads(text)

    async def states(self) -> dict[str, dict[str, Any]]:
        """Everything there is, by entity id."""
        return {state["entity_id"]: state for state in await self.call("get_states")}

    async def state(self, entity_id: str) -> str | None:
        """The state of one entity, None if there is none."""
        async with self.session.get(f"/api/states/{entity_id}") as answer:
            return (await answer.json())["state"] if answer.status == 200 else None

    async def shows(self, entity_id: str, wanted: str | None = None) -> bool:
        """Whether an entity shows a state; without one, whether it is there and available."""
        found = await self.state(entity_id)
        return found == wanted if wanted is not None else found not in (None, "unavailable")

    async def note_bus(self, kind: str) -> None:
        """From now on each `roastwatch_<kind>` on the bus leaves a notification."""
        fields = "{{ trigger.event.data.%s }}"
        message = " ".join(fields % name for name in ("instance", "roast_id", "late"))
        note = {"notification_id": fields % "event_id", "title": kind, "message": message}
        await self.automate(
            f"note_{kind}",
            {
                "mode": "queued",
                "triggers": [{"trigger": "event", "event_type": f"roastwatch_{kind}"}],
                "actions": [{"action": "persistent_notification.create", "data": note}],
            },
        )

    async def noted(self, instance: str) -> dict[str, tuple[str, bool]]:
        """What `note_bus` noted of an instance: event id → roast id, late."""
        found = {}
        for note in await self.call("persistent_notification/get"):
            words = note["message"].split()
            if len(words) == 3 and words[0] == instance:
                found[note["notification_id"]] = (words[1], words[2] == "True")
        return found

    async def new_token(self, name: str) -> tuple[str, str]:
        """A long-lived access token, and the id by which it is revoked."""
        token = await self.call("auth/long_lived_access_token", client_name=name, lifespan=5)
        rows = await self.call("auth/refresh_tokens")
        return token, next(row["id"] for row in rows if row["client_name"] == name)

    async def add_mqtt(self, port: int) -> None:
        """The MQTT integration through its config flow, as in the settings dialogue."""
        flow = await self.post("/api/config/config_entries/flow", {"handler": "mqtt"})
        more = {"set_client_cert": False, "set_ca_cert": "off"}
        answer = {"broker": "127.0.0.1", "port": port, "other_settings": more}
        done = await self.post(f"/api/config/config_entries/flow/{flow['flow_id']}", answer)
        if done["type"] != "create_entry":
            raise RuntimeError(f"MQTT can't be added: {done}")

    async def automate(self, name: str, automation: dict[str, Any]) -> None:
        """Add an automation as the editor does, and wait until it stands."""
        await self.post(f"/api/config/automation/config/{name}", {"alias": name, **automation})
        await self.until(lambda: self._automated(name))

    async def _automated(self, name: str) -> bool:
        return any(
            entity_id.startswith("automation.") and state["attributes"].get("id") == name
            for entity_id, state in (await self.states()).items()
        )

    async def until(
        self, condition: Callable[[], Any], timeout_s: float = 60, period_s: float = 0.05
    ) -> Any:
        """Wait until a condition (plain or awaitable) holds, and give what it gave."""
        return await until(condition, timeout_s, every_s=period_s)
