"""Pairing a program such as Home Assistant: a token for a password or a code."""

import logging
from datetime import UTC, datetime

from aiohttp import web

from roastwatch import inbound
from roastwatch.errors import BadInputError, RefusedError
from roastwatch.web.access import Access
from roastwatch.web.accounts import CODE_S, LONGEST, LONGEST_NAME, Role
from roastwatch.web.guards import json_body, refusal
from roastwatch.web.live_client import LiveClients
from roastwatch.web.sign_in import SignIn, sign_in_is_off

_log = logging.getLogger(__name__)


class Pairing:
    """The handlers of pairing; without accounts they say that sign-in is off."""

    def __init__(
        self, access: Access, sign_in: SignIn, instance: str, service_id: str, clients: LiveClients
    ) -> None:
        self._access = access
        self._sign_in = sign_in
        self._names = {"instance": instance, "id": service_id}
        self._clients = clients

    async def pair(self, request: web.Request) -> web.Response:
        """Exchange a password or a pairing code for a token."""
        accounts = self._access.accounts
        if accounts is None:
            return sign_in_is_off()
        body = await json_body(request)
        name = inbound.text(body.get("name"), "name", LONGEST_NAME, shortest=1).strip()
        if not name:
            raise BadInputError("name must not be empty.")
        given = [key for key in ("password", "code") if body.get(key) is not None]
        if len(given) != 1:
            raise BadInputError("Send either a password or a code.")
        secret = inbound.text(body[given[0]], given[0], LONGEST, shortest=1)
        wrong = f"The {given[0]} is wrong" + (" or too old." if given[0] == "code" else ".")
        if given[0] == "code" and self._access.opens_all(secret):
            role: Role | web.Response = Role.OPERATOR  # who has the token may do all already
        else:
            role = await self._sign_in.checked(
                accounts, request.remote or "", secret, pairs=given[0] == "code", wrong=wrong
            )
        if isinstance(role, web.Response):
            return role
        try:
            token = await accounts.pair_program(role, name)
        except RefusedError as error:
            return refusal(409, str(error))
        _log.warning("%s was paired as %s from %s", name, role.value, request.remote)
        return web.json_response(
            {"token": token, **self._names, "role": role.value},
            status=201,
            headers={"Cache-Control": "no-store"},
        )

    async def code(self, request: web.Request) -> web.Response:
        """Make a pairing code, which is valid once."""
        accounts = self._access.accounts
        if accounts is None:
            return sign_in_is_off()
        await json_body(request)
        return web.json_response(
            {"code": accounts.new_code(), "valid_s": CODE_S},
            status=201,
            headers={"Cache-Control": "no-store"},
        )

    async def programs(self, _request: web.Request) -> web.Response:
        """List the programs that are paired."""
        accounts = self._access.accounts
        found = accounts.programs() if accounts is not None else []
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "role": one.role.value,
                "paired_at": datetime.fromtimestamp(one.paired_at, UTC).isoformat(),
            }
            for one in found
        ]
        return web.json_response({"programs": rows}, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a program's token, and close its WebSockets."""
        accounts, program = self._access.accounts, request.match_info["program"]
        if accounts is None or not await accounts.revoke(program):
            return refusal(404, "There is no such program.")
        _log.warning("The program %s was revoked from %s", program, request.remote)
        await self._clients.turn_away()
        return web.json_response({"revoked": program})
