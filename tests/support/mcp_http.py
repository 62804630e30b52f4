"""The official MCP client over HTTP."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


@contextlib.asynccontextmanager
async def http_agent(port: int, token: str | None, **options: Any) -> AsyncIterator[Client]:
    """An agent at the API's own address; `options` are those of the client."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{port}/api/v1/mcp"
    async with (
        create_mcp_http_client(headers) as http,
        Client(streamable_http_client(url, http_client=http), **options) as agent,
    ):
        yield agent
