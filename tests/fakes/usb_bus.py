"""Makes a fake Bullet reachable by other processes over USB: see `usb_site/sitecustomize.py`."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

from tests.fakes.aillio import FakeR1, FakeR2
from tests.support.streams import Accept, serving_streams

SITE = Path(__file__).parent / "usb_site"


@contextlib.asynccontextmanager
async def usb_bus(
    bullet: FakeR1 | FakeR2, product: int, folder: Path
) -> AsyncIterator[dict[str, str]]:
    """Yields the environment in which pyusb finds the machine."""
    address = folder / "usb"

    def transfer(ask: dict[str, Any]) -> dict[str, str]:
        try:
            if "write" in ask:
                bullet.write(bytes.fromhex(str(ask["write"])))
                return {"data": ""}
            return {"data": bullet.read(int(ask["read"]), float(ask["timeout_s"])).hex()}
        except TimeoutError:
            return {"error": "late"}
        except OSError:
            return {"error": "gone"}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = await asyncio.to_thread(transfer, json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")

    def start(accept: Accept) -> Awaitable[asyncio.Server]:
        return asyncio.start_unix_server(accept, str(address))

    async with serving_streams(start, serve):
        yield {
            "PYTHONPATH": f"{SITE}:{SITE.parents[2]}",
            "ROASTWATCH_FAKE_USB": str(address),
            "ROASTWATCH_FAKE_USB_PRODUCT": f"{product:04x}",
        }
