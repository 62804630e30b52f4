"""Who sends a request, and what they may do: a token, a cookie, an ingress, or anybody."""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from aiohttp import web
from aiohttp.typedefs import Middleware

from roastwatch.printing.printable import printable
from roastwatch.web.accounts import Accounts, Role
from roastwatch.web.guards import Handler, refusal
from roastwatch.web.ingress import Ingress

AGENT = "Roastwatch-Agent"
"""The header in which an agent names itself."""
AS_ROLE = "Roastwatch-Role"
"""The header by which a program asks on behalf of a person who may less than itself."""
_LONGEST_NAME = 60
_UNNAMED = "without a name"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request."""

    role: Role
    session_id: str | None = None
    """None: not by a session."""
    agent: str = ""
    """The name of an agent; empty: it is none."""
    name: str = ""
    """What Home Assistant calls the person; empty: it does not say."""
    program: str = ""
    """The name of a paired program; empty: it is none."""
    program_id: str = ""


class Access:
    """Finds out who sends a request."""

    def __init__(
        self,
        tokens: dict[Role, str],
        accounts: Accounts | None,
        cookie: str,
        agent_token: str | None = None,
        own_token: str | None = None,
        ingress: Ingress | None = None,
    ) -> None:
        """Without tokens, accounts and ingress, everybody who reaches the API may do all.

        Args:
            tokens: the bearer token of machines, by what it allows.
            accounts: passwords, sessions and paired programs; None: nobody signs in.
            cookie: the name of the cookie that holds a session's token.
            agent_token: the bearer token of agents.
            own_token: the bearer token by which this program reads its own API.
            ingress: whose requests Home Assistant has signed in; None: nobody's.
        """
        self._tokens = tokens
        self.accounts = accounts
        self.cookie = cookie
        self._agent_token = agent_token
        self._own_token = own_token
        self._ingress = ingress

    @property
    def _open(self) -> bool:
        """Whether everybody may do all."""
        return not self._tokens and self.accounts is None and self._ingress is None

    def by_ingress(self, request: web.Request) -> bool:
        """Whether Home Assistant has signed in the sender."""
        return self._ingress is not None and self._ingress.sent(request)

    def opens_all(self, token: str) -> bool:
        """Whether this is the operators' token."""
        known = self._tokens.get(Role.OPERATOR)
        return known is not None and _same(token, known)

    def caller(self, request: web.Request) -> Caller | None:
        """Who sends a request; None: nobody that is known.

        An agent is one with the agents' token, or anyone who says so in the header AGENT, and a
        viewer anyone who says so in the header AS_ROLE: that only takes rights away.
        """
        found = self._known(request)
        if found is None:
            return None
        if request.headers.get(AS_ROLE) == Role.VIEWER.value:
            found = replace(found, role=Role.VIEWER)
        if AGENT not in request.headers:
            return found
        name = printable(request.headers[AGENT], _LONGEST_NAME).strip()
        return replace(found, agent=name or found.agent or _UNNAMED)

    def _known(self, request: web.Request) -> Caller | None:
        if self._open:
            return Caller(Role.OPERATOR)
        if self._ingress is not None and self._ingress.sent(request):
            return Caller(self._ingress.role, name=self._ingress.name(request))
        if "Authorization" in request.headers:
            return self._machine(request)
        if self.accounts is not None and (token := request.cookies.get(self.cookie)):
            session = self.accounts.session(token)
            return Caller(session.role, session.id) if session is not None else None
        return None

    def still(self, caller: Caller) -> bool:
        """Whether a caller's session or token has not ended since."""
        if self.accounts is None:
            return True
        if caller.program_id:
            return any(one.id == caller.program_id for one in self.accounts.programs())
        if caller.session_id is None:
            return True
        return self.accounts.lasts(caller.session_id)

    def _machine(self, request: web.Request) -> Caller | None:
        if self._agent_token is not None and _carries(request, self._agent_token):
            return Caller(Role.OPERATOR, agent=_UNNAMED)
        if self._own_token is not None and _carries(request, self._own_token):
            return Caller(Role.VIEWER)
        for role in reversed(Role):  # operators first
            if role in self._tokens and _carries(request, self._tokens[role]):
                return Caller(role)
        token = _bearer(request)
        if token is None or self.accounts is None:
            return None
        program = self.accounts.program(token)
        if program is None:
            return None
        return Caller(program.role, program=program.name, program_id=program.id)

    def middleware(
        self, open_paths: Collection[str], trusted: Callable[[web.Request], None]
    ) -> Middleware:
        """Let only known callers pass, except to open paths; call `trusted` for their requests."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            caller = self.caller(request)
            if caller is None and request.path not in open_paths:
                return self.unknown()
            if caller is not None and not self._open:
                trusted(request)
            return await handler(request)

        return guard

    def unknown(self) -> web.Response:
        """The answer to a caller who is not known."""
        said = "Send the token as `Authorization: Bearer TOKEN`."
        if self.accounts is not None:
            said = "Sign in, or send a token as `Authorization: Bearer TOKEN`."
        elif self._ingress is not None:
            said = (
                "Open the page in Home Assistant, or send a token as `Authorization: Bearer TOKEN`."
            )
        return refusal(401, said, **{"WWW-Authenticate": "Bearer"})


def _bearer(request: web.Request) -> str | None:
    """The bearer token that a request carries."""
    sent = request.headers.getall("Authorization", [])
    scheme, _, given = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    return given.strip() if scheme.lower() == "bearer" else None


def _carries(request: web.Request, secret: str) -> bool:
    """Whether a request carries this bearer token."""
    given = _bearer(request)
    return given is not None and _same(given, secret)


def _same(given: str, secret: str) -> bool:
    """Compare in constant time; as bytes, because strings must be ASCII for that."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass")
    )
