"""For `roastwatch doctor`: whether the API's port is free, or used by a running roastwatch."""

import asyncio
import errno
import os
import socket

import aiohttp

from roastwatch.sinks.sink import Finding

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


async def check_port(host: str, port: int) -> Finding:
    """Listen for a moment, as the sink will; if that fails, query who listens."""
    place = f"{host}:{port}"
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return await _held(host, port)
        if isinstance(error, socket.gaierror) or error.errno in _NOT_HERE:
            return Finding(False, f"{place}: this machine has no such address: set host to its own")
        if error.errno == errno.EACCES:
            return Finding(False, f"{place} is reserved for root: use a port from 1024 on")
        reason = os.strerror(error.errno) if error.errno else str(error)
        return Finding(False, f"{place} can't be served ({reason}): set host and port")
    server.close()
    await server.wait_closed()
    return Finding(True, f"{place} is free: the API will be served there")


async def _held(host: str, port: int) -> Finding:
    """Whether a roastwatch answers on a port that is in use."""
    shown = _EVERYWHERE.get(host, host)
    address = f"[{shown}]" if ":" in shown else shown
    limit = aiohttp.ClientTimeout(total=3)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(f"http://{address}:{port}/health") as answer,
        ):
            said = await answer.json(content_type=None)
            is_ours = isinstance(said, dict) and "problems" in said
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        is_ours = False
    if is_ours:
        return Finding(True, f"{host}:{port}: a running roastwatch serves its API there")
    return Finding(False, f"{host}:{port} is in use by another program: set another port")
