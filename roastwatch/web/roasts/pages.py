"""The handlers of the routes of recorded roasts."""

from aiohttp import web

from roastwatch.web import guards
from roastwatch.web.roasts.routes import ROAST_ROUTES


class RoastPages:
    """Answers the requests about recorded roasts."""

    def handlers(self) -> dict[str, guards.Handler]:
        """The handlers by the names of their routes."""
        return {route.name: self._later for route in ROAST_ROUTES}

    async def _later(self, _request: web.Request) -> web.Response:
        return guards.refusal(503, "This is not built yet.")
