"""The API announces itself in the network, once others can reach it, and takes that back."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest

from roastwatch.mdns import announced_service, find_services
from roastwatch.web import announcement
from roastwatch.web.announcement import KIND, announced, properties, service_name
from roastwatch.web.identity import service_id
from tests.contract.test_mqtt_contract import CONTRACT

zeroconf = pytest.importorskip("zeroconf")
HERE = ["127.0.0.1"]


async def ports() -> dict[str, int]:
    """The port of each announced service; looks again, as a busy computer answers late."""
    for looks_s in (0.5, 1.0, 2.0, 4.0):
        found = await find_services((KIND,), looks_s, HERE, purpose="The test")
        if len(found) > 1:
            break
    return {one.name: one.port for one in found}


async def test_two_of_one_name_are_distinct_and_withdrawn_at_the_end() -> None:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    try:
        network = AsyncZeroconf(interfaces=HERE)
    except OSError as error:
        pytest.skip(f"no multicast here: {error}")
    try:
        async with contextlib.AsyncExitStack() as stack:
            for letter, port in (("a", 8099), ("b", 8100)):
                said = properties(letter * 32, "kitchen")
                name = service_name(letter * 32, "kitchen")
                one = announced_service(KIND, name, f"roastwatch-{letter}", HERE, port, said)
                assert await stack.enter_async_context(one)
            found = await ports()
            assert {8099, 8100} <= set(found.values()), found
            info = AsyncServiceInfo(KIND, f"{name}.{KIND}")
            assert await info.async_request(network.zeroconf, 5000)
            assert info.decoded_properties == dict(said)
            assert (info.parsed_addresses(), info.port) == (HERE, 8100)
        left = await find_services((KIND,), 0.5, HERE, purpose="The test")
        assert not {8099, 8100} & {one.port for one in left}
    finally:
        await network.async_close()


def test_only_what_others_reach_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcement, "own_addresses", lambda: ["192.0.2.7"])
    reached = announcement._addresses
    assert reached("0.0.0.0") == reached("::") == ["192.0.2.7"]
    assert reached("192.0.2.9") == ["192.0.2.9"]
    for host in ("127.0.0.1", "::1", "localhost"):
        assert reached(host) == []


async def test_an_api_of_this_machine_only_announces_nothing() -> None:
    async with asyncio.timeout(1), announced("a" * 32, "kitchen", "127.0.0.1", 8099) as there:
        assert there is None


def test_the_contract_lists_the_properties() -> None:
    text = CONTRACT.read_text(encoding="utf-8").partition("**Discovery.**")[2].partition("\n\n")[0]
    names = re.findall(r"`(\w+)`", text.partition("properties")[2])
    assert [name for name in names if name != "0"] == list(properties("", ""))


def test_an_instance_keeps_its_id(tmp_path: Path) -> None:
    first = service_id(tmp_path, "kitchen")
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert service_id(tmp_path, "kitchen") == first
    assert service_id(tmp_path, "shed") != first
    (tmp_path / "kitchen.id").write_text("nonsense")
    assert service_id(tmp_path, "kitchen") != first
    assert service_id(None, "kitchen") == service_id(None, "kitchen")
    assert service_id(None, "kitchen") != service_id(None, "shed")
