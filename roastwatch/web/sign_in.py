"""Signing in and out from a browser, and changing a password."""

import asyncio
import logging
import math

from aiohttp import web

from roastwatch import inbound
from roastwatch.web.access import Access
from roastwatch.web.accounts import LONGEST, SESSION_S, SHORTEST, Accounts, Role
from roastwatch.web.attempts import Attempts
from roastwatch.web.guards import json_body, refusal

_log = logging.getLogger(__name__)
_WAITING = 8
"""Passwords that wait to be checked, one at a time."""


class SignIn:
    """The handlers of sign-in; without accounts they say that it is off."""

    def __init__(
        self, access: Access, attempts: Attempts | None = None, *, setting_up: bool = False
    ) -> None:
        self._access = access
        self._attempts = attempts or Attempts()
        self._setting_up = {"setting_up": True} if setting_up else {}
        self._checking = asyncio.Lock()
        self._waiting = 0

    async def me(self, request: web.Request) -> web.Response:
        """Who the caller is."""
        caller = self._access.caller(request)
        if caller is None:  # the session ended just now
            return self._access.unknown()
        return web.json_response(
            {"role": caller.role.value, "session": caller.session_id is not None}
            | self._setting_up,
            headers={"Cache-Control": "no-store"},
        )

    async def sign_in(self, request: web.Request) -> web.Response:
        """Exchange a password for a session's cookie."""
        accounts = self._access.accounts
        if accounts is None:
            return sign_in_is_off()
        body = await json_body(request)
        password = inbound.text(body.get("password"), "password", LONGEST, shortest=1)
        role = await self.checked(accounts, request.remote or "", password, pairs=True)
        if isinstance(role, web.Response):
            return role
        token = await accounts.begin(role)
        answer = web.json_response({"role": role.value})
        answer.set_cookie(
            self._access.cookie,
            token,
            max_age=SESSION_S,
            path="",  # the folder of this path, under whatever prefix the browser sees
            httponly=True,
            samesite="Strict",
            secure=request.headers.get("Origin", "").lower().startswith("https:") or None,
        )
        return answer

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the caller's session."""
        await json_body(request)
        caller = self._access.caller(request)
        if self._access.accounts is not None and caller is not None and caller.session_id:
            await self._access.accounts.end(caller.session_id)
        answer = web.json_response({"signed_out": True})
        answer.del_cookie(self._access.cookie, path="", httponly=True, samesite="Strict")
        return answer

    async def password(self, request: web.Request) -> web.Response:
        """Give a role another password; its sessions end."""
        accounts = self._access.accounts
        if accounts is None:
            return sign_in_is_off()
        body = await json_body(request)
        role = Role(inbound.one_of(body.get("role"), "role", [one.value for one in Role]))
        password = inbound.text(body.get("password"), "password", LONGEST, shortest=SHORTEST)
        current = inbound.text(body.get("current"), "current", LONGEST, shortest=1)
        found = await self.checked(accounts, request.remote or "", current)
        if isinstance(found, web.Response):
            return found
        if found is not Role.OPERATOR:
            return refusal(403, "Only the operator's password allows this.")
        await accounts.change(role, password)
        _log.warning("The %s's password was changed from %s", role.value, request.remote)
        return web.json_response({"changed": role.value})

    async def checked(
        self,
        accounts: Accounts,
        address: str,
        password: str,
        *,
        pairs: bool = False,
        wrong: str = "The password is wrong.",
    ) -> Role | web.Response:
        """The role of a password, or the refusal: it is wrong, or was tried too often.

        `pairs`: the pairing code is accepted, too.
        """
        if self._waiting >= _WAITING:
            return refusal(503, "Too many people sign in at once: try again.")
        self._waiting += 1
        try:
            async with self._checking:  # one at a time, so that nobody outruns the limit
                wait_s = math.ceil(self._attempts.wait_s(address))
                if wait_s:
                    said = f"Too many wrong passwords: try again in {wait_s} s."
                    return refusal(429, said, **{"Retry-After": str(wait_s)})
                paired = pairs and accounts.pair(password)
                role = Role.OPERATOR if paired else await accounts.role_of(password)
                if role is None:
                    self._attempts.failed(address)
                    _log.warning("A wrong password came from %s", address)
                    return refusal(403, wrong)
                if role is Role.OPERATOR:  # a viewer must not win new tries at the other password
                    self._attempts.succeeded(address)
                return role
        finally:
            self._waiting -= 1


def sign_in_is_off() -> web.Response:
    """The answer where nobody signs in."""
    return refusal(409, "Sign-in is off: set sign_in: true in the settings of this API.")
