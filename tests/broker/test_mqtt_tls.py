"""Encrypted brokers, and what is wrong with their certificates."""

import asyncio
import gc
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roastwatch.vocabulary import ComponentState
from tests.support.mosquitto import Broker
from tests.support.mqtt import sink
from tests.support.until import until

# paho leaves the socket of a failed handshake to the garbage collector, which complains.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Make = Callable[..., tuple[Broker, Path]]


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def by_the_manual(tmp_path: Path) -> Iterator[Make]:
    """A broker whose certificates were made word by word as mosquitto-tls(7) says."""
    brokers = []

    def make(name: str = "127.0.0.1", days: str = "2", *lines: str) -> tuple[Broker, Path]:
        authority = ["-new", "-x509", "-days", "2", "-extensions", "v3_ca", "-nodes"]
        openssl(tmp_path, "req", *authority, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/O=I")
        openssl(tmp_path, "genrsa", "-out", "server.key", "2048")
        wish = ["-out", "server.csr", "-key", "server.key", "-new", "-subj", f"/CN={name}"]
        openssl(tmp_path, "req", *wish)
        signed = ["-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key"]
        signed += ["-CAcreateserial", "-out", "server.crt", "-days", days]
        openssl(tmp_path, "x509", *signed)
        files = (f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key")
        broker = Broker(tmp_path, *files, *lines).start()
        brokers.append(broker)
        return broker, tmp_path / "ca.crt"

    yield make
    for broker in brokers:
        broker.kill()
    gc.collect()


@pytest.fixture
def as_python_3_13(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 and newer make contexts strict; older ones are made so here."""
    make = ssl.create_default_context

    def strict(*args: Any, **kwargs: Any) -> ssl.SSLContext:
        context = make(*args, **kwargs)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


async def problem(port: int, **options: Any) -> str:
    """What the sink says of a broker that it can't reach."""
    async with sink(port, **options) as rig:
        await until(lambda: rig.part.state in (ComponentState.RETRYING, ComponentState.RUNNING))
        return rig.part.problem or ""


@pytest.mark.usefixtures("as_python_3_13")
async def test_certificates_of_the_manual_work_and_are_verified(
    by_the_manual: Make,
) -> None:
    broker, authority = by_the_manual("localhost")
    said = await problem(broker.port, host="localhost", tls=True, ca_file=authority)
    assert "does not follow RFC 5280 strictly" in said
    assert "`tls_strict: false`" in said
    relaxed: dict[str, Any] = {"host": "localhost", "tls": True, "tls_strict": False}
    assert await problem(broker.port, **relaxed, ca_file=authority) == ""
    # Who it is, and for whom, is verified all the same.
    assert "no authority that this system knows" in await problem(broker.port, **relaxed)
    relaxed["host"] = "127.0.0.1"
    assert "for another name" in await problem(broker.port, **relaxed, ca_file=authority)


@pytest.mark.usefixtures("as_python_3_13")
async def test_certificates_of_our_documentation_work(tmp_path: Path) -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "how-to" / "home-assistant.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(openssl.*?)```", page, re.DOTALL)
    script = commands.replace("broker.local", "localhost")
    shell = await asyncio.create_subprocess_exec(
        "sh", "-ec", script, cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    assert await shell.wait() == 0
    files = (f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key")
    broker = Broker(tmp_path, *files).start()
    try:
        wanted: dict[str, Any] = {"host": "localhost", "tls": True}
        assert await problem(broker.port, **wanted, ca_file=tmp_path / "ca.crt") == ""
    finally:
        broker.kill()


async def test_an_expired_certificate_is_reported(by_the_manual: Make) -> None:
    broker, authority = by_the_manual("localhost", "-1")
    said = await problem(
        broker.port, host="localhost", tls=True, tls_strict=False, ca_file=authority
    )
    assert "not valid now (certificate has expired)" in said


async def test_a_port_without_tls_and_a_broker_that_asks_for_a_certificate(
    broker: Broker, by_the_manual: Make
) -> None:
    said = await problem(broker.port, tls=True)
    assert "does not speak TLS on this port" in said
    other, authority = by_the_manual("localhost", "2", "require_certificate true")
    wanted: dict[str, Any] = {
        "host": "localhost",
        "tls": True,
        "tls_strict": False,
        "ca_file": authority,
    }
    assert "client_cert_file" in await problem(other.port, **wanted)
    assert "client_cert_file" in await problem(
        other.port, **wanted, client_cert_file=authority.with_name("none.crt")
    )


async def test_a_key_with_a_password_is_refused_without_a_prompt(
    by_the_manual: Make,
) -> None:
    broker, authority = by_the_manual("localhost")
    key = authority.with_name("locked.key")
    openssl(key.parent, "genrsa", "-aes128", "-passout", "pass:secret", "-out", key.name, "2048")
    said = await problem(
        broker.port, tls=True, client_cert_file=key.with_name("server.crt"), client_key_file=key
    )
    assert "certificates for MQTT can't be used" in said
