"""The page is on by default, for this machine; its address and new passwords are shown once."""

import asyncio
import io
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import click
import pytest
from click.testing import CliRunner

from roastwatch.cli.live import serve
from roastwatch.cli.page import Page, page_options, with_page
from roastwatch.errors import SettingsError
from roastwatch.printing.recent_log import RecentLog
from roastwatch.settings import model as settings
from roastwatch.settings.model import Chosen
from roastwatch.sinks.sink import HostProcess
from roastwatch.web import accounts, welcome
from roastwatch.web.accounts import CODE_S, Accounts, Role
from roastwatch.web.listener import Listener
from roastwatch.web.sink import RestOptions
from tests.support.http import free_port, serving
from tests.support.until import until
from tests.unit.test_web_sign_in import role_of, sign_in

NEW = {Role.OPERATOR: "aaaa-bbbb-cccc-dddd", Role.VIEWER: "eeee-ffff-gggg-hhhh"}


def rest(raw: dict[str, object], page: Page) -> list[RestOptions]:
    """The options of every sink that would serve the page."""
    wanted, extra = with_page(settings.parse(raw), [settings.chosen("sinks", "console")], page)
    found: list[Chosen] = [sink for sink in (*wanted.sinks, *extra) if sink.type == "rest"]
    return [one.options for one in found if isinstance(one.options, RestOptions)]


def test_the_page_is_on_for_this_machine_alone() -> None:
    (own,) = rest({}, Page())
    assert (own.host, own.port, own.more_ports, own.sign_in) == ("127.0.0.1", 8099, 100, False)


def test_settings_and_options_switch_it_off() -> None:
    assert rest({"page": False}, Page()) == []
    assert rest({}, Page(on=False)) == []


def test_a_rest_sink_of_the_settings_serves_it_alone() -> None:
    (own,) = rest({"sinks": [{"type": "rest", "port": 8123}]}, Page())
    assert (own.port, own.more_ports, own.host) == (8123, 0, "127.0.0.1")


def test_open_serves_the_network_with_passwords() -> None:
    own_sink = {"type": "rest", "port": 8123, "token": "beans"}
    tries: list[dict[str, object]] = [{}, {"page": False}, {"sinks": [own_sink]}]
    for raw in tries:
        (own,) = rest(raw, Page(opened=True))
        assert (own.host, own.sign_in) == ("0.0.0.0", True)
    assert own.port == 8123
    assert own.token is not None
    assert own.token.get_secret_value() == "beans"


def test_the_options_of_a_command_say_what_they_do() -> None:
    found: list[tuple[bool, bool]] = []

    @page_options
    def take(page: bool, opened: bool) -> None:
        found.append((page, opened))

    command = click.command("run")(take)
    for words in ([], ["--no-page"], ["--open"]):
        assert CliRunner().invoke(command, words).exit_code == 0
    assert found == [(True, False), (False, False), (True, True)]
    assert "whole network" in CliRunner().invoke(command, ["--help"]).output


def test_open_without_a_place_for_its_passwords_is_refused() -> None:
    with pytest.raises(SettingsError, match="--log"):
        serve(settings.parse({}), page=Page(opened=True))


async def test_a_port_in_use_gives_way_to_the_next(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with serving(port=port, more_ports=50):
            (said,) = [one.message for one in caplog.records if "The page is at" in one.message]
            url = said.split()[4]
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{url}api/v1/health") as answer,
            ):
                assert answer.status == 200
    assert "(this machine only)" in said
    assert f":{port}/" not in said


async def test_the_page_stays_at_its_port_though_an_earlier_one_is_free() -> None:
    process = HostProcess(RecentLog())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with serving(process=process, port=port, more_ports=50):
            moved = process.page_port
    async with serving(process=process, port=port, more_ports=50):
        assert process.page_port == moved > port
    process = HostProcess(RecentLog(), page_port=1)
    async with serving(process=process, port=port, more_ports=50):
        assert process.page_port in range(port, port + 51)  # those that the settings name


async def test_all_passwords_are_known_though_the_port_was_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / f"web-{port}.passwords"

        async def serve() -> None:
            async with serving(folder=tmp_path, port=port, sign_in=True, token=None):
                pass

        task = asyncio.create_task(serve())
        await until(file.exists)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(file.read_text().split()) == 4


def test_new_passwords_are_on_the_terminal_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    out = io.StringIO()
    welcome.show_new(NEW, "abcd-efgh", "http://192.0.2.5:8099/", tmp_path / "new", out)
    for said in (*NEW.values(), "http://192.0.2.5:8099/#/sign-in?code=abcd-efgh", "█", "only now"):
        assert said in out.getvalue()
    assert not (tmp_path / "new").exists()
    assert caplog.text == ""


def test_without_a_terminal_they_are_in_a_file_of_their_owner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "new"
    welcome.show_new(NEW, "abcd-efgh", "http://192.0.2.5:8099/", file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(password in file.read_text() for password in NEW.values())
    assert str(file) in caplog.text
    assert not any(secret in caplog.text for secret in (*NEW.values(), "abcd-efgh"))


def test_without_a_terminal_or_a_place_they_are_not_lost_silently(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="without a terminal"):
        welcome.show_new(NEW, "abcd-efgh", "http://192.0.2.5:8099/", None)
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="can't be stored"):
        welcome.show_new(NEW, "abcd-efgh", "http://192.0.2.5:8099/", tmp_path / "file" / "new")


def test_a_qr_code_is_square_and_has_a_light_border() -> None:
    lines = welcome.qr("http://192.0.2.5:8099/#/sign-in?code=abcd-efgh").splitlines()
    width = len(lines[0])
    assert {len(line) for line in lines} == {width}
    assert 2 * len(lines) in (width, width + 1)
    assert lines[0] == lines[1] == "█" * width
    assert {line[:4] + line[-4:] for line in lines} == {"█" * 8}


@pytest.mark.parametrize(
    ("host", "first"),
    [("0.0.0.0", "http://127.0.0.1:80/"), ("192.0.2.7", "http://192.0.2.7:80/"),
     ("::1", "http://[::1]:80/")],
)  # fmt: skip
def test_an_address_can_be_opened_in_a_browser(host: str, first: str) -> None:
    found = welcome.addresses(host, 80)
    assert found[0] == first
    assert welcome.phone_address(host, 80) == found[-1]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_every_address_that_is_shown_is_served(host: str) -> None:
    listener, port = Listener(asyncio.Protocol), free_port()
    try:
        await listener.open(host, port)
    except OSError as error:
        pytest.skip(f"no such addresses here: {error}")
    try:
        for address in welcome.addresses(host, port):
            _, writer = await asyncio.open_connection(urlsplit(address).hostname, port)
            writer.close()
            await writer.wait_closed()
    finally:
        await listener.close()


def test_beyond_this_machine_the_address_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    welcome.announce("192.0.2.7", 8099)
    assert "http://192.0.2.7:8099/ (open to the network)" in caplog.text


def test_a_pairing_code_works_once_and_not_for_long() -> None:
    now_s = [1000.0]
    kept = Accounts(None, lambda: now_s[0])
    assert not kept.pair("")
    first, second = kept.new_code(), kept.new_code()
    assert not kept.pair(first)
    assert not kept.pair("béan-\ud800")
    assert kept.pair(second)
    assert not kept.pair(second)
    third = kept.new_code()
    now_s[0] += CODE_S
    assert not kept.pair(third)


async def test_a_phone_signs_in_by_the_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(accounts, "_N", 2**10)
    monkeypatch.setattr(accounts, "_P", 1)
    codes: list[str] = []
    monkeypatch.setattr(
        "roastwatch.web.sink.show_new", lambda _new, code, _page, _file: codes.append(code)
    )
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        serving(folder=tmp_path, port=free_port(), sign_in=True, token=None) as api,
        aiohttp.ClientSession(api.url, cookie_jar=jar) as phone,
    ):
        change = {"role": "viewer", "password": "beans and beans", "current": codes[0]}
        assert await sign_in(phone, codes[0]) == 200
        assert await role_of(phone) == "operator"
        assert await sign_in(phone, codes[0]) == 403
        async with phone.post("/api/v1/password", json=change) as answer:
            assert answer.status == 403
