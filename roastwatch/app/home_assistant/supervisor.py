"""Requests to Home Assistant's Supervisor, at the start of the app. Standard library only."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from roastwatch import inbound
from roastwatch.errors import BadInputError, LostError, RefusedError

ADDRESS = "http://supervisor"
_WITHIN_S = 10.0
_ATTEMPTS = 3
_PAUSE_S = 2.0
_LARGEST = 8 << 20
"""Home Assistant lists the actions of all its integrations."""


class Supervisor:
    """The Supervisor's API. Its calls block: they are made before the service runs."""

    def __init__(self, token: str, address: str = ADDRESS, pause_s: float = _PAUSE_S) -> None:
        """
        Args:
            token: that of the app, in the environment as SUPERVISOR_TOKEN.
            address: where it listens.
            pause_s: seconds between two attempts.
        """
        self._token = token
        self._address = address
        self._pause_s = pause_s

    def mqtt(self) -> Mapping[str, Any] | None:
        """How to reach the MQTT broker: host, port, ssl, username, password. None: there is none.

        Raises:
            LostError: the Supervisor does not answer.
        """
        try:
            return _object(self._asked("GET", "/services/mqtt"))
        except RefusedError:
            return None

    def time_zone(self) -> str | None:
        """The time zone of Home Assistant, such as Europe/Berlin; None: unknown.

        Raises:
            LostError: the Supervisor does not answer.
        """
        try:
            return _text(_object(self._asked("GET", "/info")).get("timezone"))
        except RefusedError:
            return None

    def core(self) -> Mapping[str, Any]:
        """Home Assistant's own configuration: language, time_zone, unit_system; empty: unknown.

        Raises:
            LostError: Home Assistant does not answer.
        """
        try:
            return _object(self._asked("GET", "/core/api/config"))
        except RefusedError:
            return {}

    def phones(self) -> list[str]:
        """The actions that notify phones with Home Assistant's companion app, sorted.

        Raises:
            LostError: Home Assistant does not answer.
        """
        try:
            domains = self._asked("GET", "/core/api/services")
        except RefusedError:
            return []
        if not isinstance(domains, list):
            return []
        rows = [row for row in domains if isinstance(row, dict) and row.get("domain") == "notify"]
        named = [name for row in rows for name in row.get("services") or ()]
        return sorted(f"notify.{name}" for name in named if name.startswith("mobile_app_"))

    def discover(self, service: str, config: Mapping[str, object]) -> None:
        """Tell Home Assistant's integration of this name where the app is.

        Raises:
            LostError: the Supervisor does not answer.
            RefusedError: it does not allow it.
        """
        self._asked("POST", "/discovery", {"service": service, "config": config})

    def _asked(self, method: str, path: str, body: object = None) -> Any:
        """The data of an answer.

        Raises:
            LostError: no answer after three attempts.
            RefusedError: the Supervisor answers with an error.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(method, path, body)
            except LostError:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(self._pause_s)
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(
            self._address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        try:
            with _OPENER.open(request, timeout=_WITHIN_S) as answer:
                raw = answer.read(_LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(_LARGEST)
            if error.code >= 500:
                raise LostError(
                    f"The Supervisor can't answer {path} now ({error.code})."
                ) from error
            raise RefusedError(f"The Supervisor refuses {path}: {_message(said)}.") from error
        except (OSError, http.client.HTTPException) as error:
            raise LostError(f"The Supervisor does not answer {path} ({error}).") from error
        try:
            found = inbound.json_value(raw, path, inbound.InboundLimits(size=_LARGEST))
        except BadInputError as error:
            raise LostError(f"The Supervisor's answer can't be read. {error}") from error
        envelope = _object(found)
        if envelope.get("result") == "error":
            raise RefusedError(f"The Supervisor refuses {path}: {_message(raw)}.")
        return envelope.get("data", found)  # Home Assistant's own answers have no envelope


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The Supervisor is in the network of apps, never behind a proxy."""


def _message(raw: bytes) -> str:
    try:
        said = json.loads(raw)
    except ValueError:
        return "no reason given"
    return str(said.get("message", "no reason given")) if isinstance(said, dict) else str(said)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
