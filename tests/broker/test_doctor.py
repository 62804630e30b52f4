"""`roastwatch doctor` finds what would not work, against real brokers, ports and a real program."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from roastwatch.vocabulary import ComponentState
from tests.fakes.old_broker import old_broker
from tests.support.events import snapshot
from tests.support.mosquitto import Broker, free_port
from tests.support.mqtt import listener, sink
from tests.support.until import until

CONFIG = "homeassistant/device/roastwatch_test_roaster/config"


async def doctor(folder: Path, sinks: str, *, instance: str = "test") -> tuple[int, str]:
    """Exit status and words of the command, without its microphone."""
    path = folder / "roastwatch.yaml"
    path.write_text(
        f"{{instance: {instance}, data_dir: data, stations: [{{source: {{type: demo, speed: 0}},"
        f" model: transients}}], sinks: [{sinks}]}}"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "roastwatch", "doctor", "--settings", str(path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"COLUMNS": "500"},
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


def mqtt(port: int, more: str = "") -> str:
    return f"{{type: mqtt, host: 127.0.0.1, port: {port}{more}}}"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Broker]:
    """A broker with users of different rights."""
    passwords, rights = tmp_path / "passwords", tmp_path / "rights"
    passwords.touch(mode=0o600)
    for user in ("all", "deaf", "dumb"):
        command = ["mosquitto_passwd", "-b", str(passwords), user, "right"]
        subprocess.run(command, check=True, capture_output=True)
    rights.write_text(
        "user all\ntopic readwrite roastwatch/test/#\ntopic readwrite homeassistant/#\n"
        "user deaf\ntopic write roastwatch/test/#\ntopic write homeassistant/#\n"
        "user dumb\ntopic readwrite roastwatch/test/#\ntopic read homeassistant/#\n"
    )
    rights.chmod(0o600)
    lines = (f"password_file {passwords}", f"acl_file {rights}")
    running = Broker(tmp_path, *lines, anonymous=False).start()
    yield running
    running.kill()


async def test_a_check_leaves_the_broker_unchanged(locked: Broker, tmp_path: Path) -> None:
    port = locked.port
    async with sink(port, username="all", password="right") as rig:
        rig.show(snapshot())
        await until(lambda: rig.part.state is ComponentState.RUNNING)
        code, said = await doctor(tmp_path, mqtt(port, ", username: all, password: right"))
        assert code == 0, said
        assert f"127.0.0.1:{port}: logged in as all, MQTT 5, not encrypted" in said
        assert "may write and read roastwatch/test/# and discovery" in said
        assert "the instance 'test' is online" in said
        assert rig.part.problem is None
        assert not rig.part.counters.get("wishes_refused")


async def test_nothing_is_retained_by_a_check(broker: Broker, tmp_path: Path) -> None:
    async with listener(broker.port) as (heard, _):
        code, said = await doctor(tmp_path, mqtt(broker.port))
        assert code == 0, said
        assert heard.messages
        assert "roastwatch/test/available" not in [topic for topic, *_ in heard.messages]
    async with listener(broker.port) as (heard, client):
        await client.publish("end", "x", qos=1)
        await until(lambda: heard.newest("end"))
        assert len(heard.messages) == 1


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("all, password: wrong", "refuses the user name or password"),
        ("deaf, password: right", "does not allow"),
        ("dumb, password: right", f"does not allow writing or reading {CONFIG}"),
    ],
)
async def test_a_wrong_login_and_missing_rights_are_reported(
    locked: Broker, tmp_path: Path, user: str, sentence: str
) -> None:
    code, said = await doctor(tmp_path, mqtt(locked.port, f", username: {user}"))
    assert code == 1, said
    assert sentence in said
    assert "1 problem found." in said


async def test_an_old_and_a_limited_broker_are_reported(tmp_path: Path) -> None:
    broker = Broker(tmp_path, "max_packet_size 4000").start()
    try:
        async with old_broker(broker.port) as old:
            code, said = await doctor(tmp_path, f"{mqtt(old.port)}, {mqtt(broker.port)}")
        assert code == 0, said
        assert "MQTT 3.1.1" in said
        assert "at most 4000 bytes" in said
    finally:
        broker.kill()


async def test_an_untrusted_certificate_is_reported(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    make += ["-keyout", str(key), "-out", str(cert), "-subj", "/CN=localhost"]
    await (await asyncio.create_subprocess_exec(*make, stderr=subprocess.DEVNULL)).wait()
    broker = Broker(tmp_path, f"certfile {cert}", f"keyfile {key}").start()
    try:
        code, said = await doctor(tmp_path, mqtt(broker.port, ", tls: true"))
        assert code == 1
        assert "no authority that this system knows has signed" in said
    finally:
        broker.kill()


async def test_a_device_with_the_same_ids_is_reported(broker: Broker, tmp_path: Path) -> None:
    async with sink(broker.port, "a", ("b_roaster",)) as other:
        other.show(snapshot("b_roaster"))
        async with listener(broker.port) as (heard, _):
            await until(lambda: heard.newest("roastwatch/a/b_roaster/state/status"))
        code, said = await doctor(tmp_path, mqtt(broker.port), instance="a_b")
        assert code == 1
        assert "same ids in Home Assistant" in said


async def test_a_port_is_free_or_used_by_roastwatch_or_another(tmp_path: Path) -> None:
    port = free_port()
    rest = f"{{type: rest, port: {port}}}"
    code, said = await doctor(tmp_path, rest)
    assert code == 0, said
    assert f"127.0.0.1:{port} is free" in said
    with socket.create_server(("127.0.0.1", port)):
        code, said = await doctor(tmp_path, rest)
        assert code == 1
        assert "in use by another program" in said
    path = tmp_path / "running.yaml"
    path.write_text(f"{{stations: [{{source: {{type: demo}}}}], data_dir: run, sinks: [{rest}]}}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "roastwatch", "run", "--settings", str(path)),
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        code, said = await doctor(tmp_path, rest)
        assert code == 0, said
        assert "a running roastwatch serves its API there" in said
    finally:
        process.kill()
        await process.wait()
    code, said = await doctor(tmp_path, "{type: rest, host: 203.0.113.7, token: x}")
    assert code == 1
    assert "this machine has no such address" in said


@pytest.fixture
async def refusing() -> AsyncIterator[int]:
    """A Home Assistant that takes no token, as its API answers then."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=401, text="401: Unauthorized")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port: int = site._server.sockets[0].getsockname()[1]
    yield port
    await runner.cleanup()


async def test_a_wrong_token_is_reported(refusing: int, tmp_path: Path) -> None:
    where = f"url: 'http://127.0.0.1:{refusing}', token: wrong-token"
    person = "people: [{companion: [notify.mobile_app_a], urls: ['ntfy://x.test/topic']}]"
    rule = "rules: [{on: drop, scene: scene.a}, {on: drop, webhook: 'http://a.test'}]"
    code, said = await doctor(
        tmp_path,
        f"{{type: home_assistant, {where}}}, "
        f"{{type: phone, {person}, home_assistant: {{{where}}}}}, "
        f"{{type: rules, {rule}, home_assistant: {{{where}}}}}",
    )
    assert code == 1
    assert said.count("refuses the token") == 3, said
    assert "3 problems found." in said
    assert "wrong-token" not in said
    assert "URLs of other services (1): valid; nothing was sent" in said
    assert "webhooks (1): none was called" in said


async def test_words_in_brackets_and_escapes_are_shown_as_they_are(tmp_path: Path) -> None:
    code, said = await doctor(tmp_path, "{type: mqtt, host: 'a[/red]b[red] c'}")
    assert code == 1
    assert "a[/red]b[red] c" in said
    code, said = await doctor(tmp_path, json.dumps({"type": "mqtt", "host": "a\x1b[31m"}))
    assert code == 1
    assert "\x1b" not in said
    code, said = await doctor(tmp_path, "[" * 3000)
    assert code == 1
    assert "nested deeper than" in said
    assert "Traceback" not in said
