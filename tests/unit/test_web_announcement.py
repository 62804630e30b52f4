"""The API announces itself in the network, once others can reach it, and takes that back."""

import asyncio
import re
from pathlib import Path

import pytest

from roastwatch.mdns import announced_service, find_services
from roastwatch.web import announcement
from roastwatch.web.announcement import KIND, announced, properties
from roastwatch.web.identity import service_id
from tests.contract.test_mqtt_contract import CONTRACT

zeroconf = pytest.importorskip("zeroconf")
HERE = ["127.0.0.1"]


async def ports() -> dict[str, int]:
    found = await find_services((KIND,), 0.6, HERE, purpose="The test")
    return {one.name: one.port for one in found}


async def test_two_of_one_name_are_told_apart_and_withdrawn_at_the_end() -> None:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    try:
        network = AsyncZeroconf(interfaces=HERE)
    except OSError as error:
        pytest.skip(f"no multicast here: {error}")
    try:
        name = "roastwatch test of announcements"
        said = properties("a" * 32, "kitchen")
        async with announced_service(KIND, name, "roastwatch-a", HERE, 8099, said) as there:
            assert there
            async with announced_service(KIND, name, "roastwatch-b", HERE, 8100, said) as too:
                assert too
                found = await ports()
                assert {8099, 8100} <= set(found.values())
                assert found[name] == 8099
                info = AsyncServiceInfo(KIND, f"{name}.{KIND}")
                assert await info.async_request(network.zeroconf, 3000)
                assert info.decoded_properties == dict(said)
                assert info.parsed_addresses() == HERE
        assert not {8099, 8100} & set((await ports()).values())
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
