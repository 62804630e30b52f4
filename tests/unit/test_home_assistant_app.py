"""The start of the app in Home Assistant: settings, secrets, what stays, what is refused."""

import asyncio
import json
import socket
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from roastwatch.app.home_assistant import backup
from roastwatch.app.home_assistant.start import Places, device_groups, prepare, serial_ports
from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings
from roastwatch.web.identity import service_id
from tests.fakes.supervisor import TOKEN, FakeSupervisor, supervising

BROKER = {
    "addon": "core_mosquitto",
    "host": "core-mosquitto",
    "port": "1883",
    "ssl": False,
    "username": "addons",
    "password": "0123",
    "protocol": "3.1.1",
}


class App:
    """The app's folders, and its start against a stand-in Supervisor."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder / "data", folder / "config", folder / "dev")
        for path in (self.places.data, self.places.config, self.places.dev):
            path.mkdir()

    async def start(self, supervisor: FakeSupervisor, **options: Any) -> dict[str, Any]:
        """Start it with these options; what the settings file says then."""
        place = self.places.data / "options.json"
        place.write_text(json.dumps({"instance": "kitchen"} | options))
        places = Places(
            self.places.data, self.places.config, self.places.dev, supervisor=supervisor.url
        )
        await asyncio.to_thread(prepare, places, TOKEN, 0.0)
        return self.said()

    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.places.settings.read_text())
        return found

    def device(self, name: str) -> Path:
        path = self.places.dev / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


async def test_first_start_writes_settings_from_home_assistant(app: App) -> None:
    async with supervising(mqtt=BROKER) as supervisor:
        said = await app.start(supervisor)
    page, mqtt = said["sinks"]
    assert (said["instance"], said["language"], said["time_zone"]) == (
        ("kitchen", "de", "Europe/Berlin")
    )
    assert "temperature_unit" not in said
    assert said["stations"] == [{"name": "roaster", "source": {"type": "microphone"}}]
    assert page["ingress"] == {"role": "operator"}
    assert (mqtt["host"], mqtt["port"], mqtt["username"]) == ("core-mosquitto", 1883, "addons")
    read = settings.read(app.places.settings)
    secret = read.sinks[1].options.model_dump()["password"]
    assert secret.get_secret_value() == "0123"
    assert "0123" not in app.places.settings.read_text()
    for file in ("mqtt.password", "integration.token"):
        mode = (app.places.data / "secrets" / file).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


async def test_discovery_says_where_the_app_is(app: App) -> None:
    async with supervising() as supervisor:
        await app.start(supervisor)
        await app.start(supervisor)
        first, again = supervisor.discovered
    code = (app.places.data / "secrets/integration.token").read_text().strip()
    assert first["config"] == again["config"]
    assert first["config"] == {
        "host": socket.gethostname(),
        "port": 8099,
        "instance": "kitchen",
        "id": service_id(app.places.data, "kitchen"),
        "code": code,
    }


async def test_options_and_home_assistant_are_followed_until_a_person_edits(app: App) -> None:
    async with supervising(mqtt=BROKER) as supervisor:
        await app.start(supervisor)
        supervisor.core = {"language": "fr", "unit_system": {"temperature": "°F"}}
        said = await app.start(supervisor, people="viewer", mqtt=False, demo=True)
        assert (said["language"], said["temperature_unit"]) == ("en", "F")
        assert [sink["type"] for sink in said["sinks"]] == ["rest"]
        assert said["sinks"][0]["ingress"] == {"role": "viewer"}
        assert said["stations"][0]["source"] == {"type": "demo"}

        mine = app.places.settings.read_text().replace("instance: kitchen", "instance: garage")
        app.places.settings.write_text(mine)
        said = await app.start(supervisor, people="operator")
        assert said["instance"] == "garage"
        assert app.places.settings.read_text() == mine

        app.places.settings.unlink()
        assert (await app.start(supervisor))["instance"] == "kitchen"


async def test_settings_of_a_person_at_the_first_start_stay(app: App) -> None:
    app.places.settings.write_text("instance: mine\n")
    async with supervising(mqtt=BROKER) as supervisor:
        assert await app.start(supervisor) == {"instance": "mine"}


async def test_new_password_of_the_broker_reaches_a_changed_file(app: App) -> None:
    async with supervising(mqtt=BROKER) as supervisor:
        await app.start(supervisor)
        app.places.settings.write_text(app.places.settings.read_text() + "\n# mine\n")
        supervisor.mqtt = BROKER | {"password": "new"}
        await app.start(supervisor)
    assert (app.places.data / "secrets/mqtt.password").read_text() == "new\n"


async def test_home_assistant_that_is_away_changes_nothing(app: App) -> None:
    async with supervising(mqtt=BROKER) as supervisor:
        before = await app.start(supervisor)
        supervisor.core, supervisor.mqtt = None, None
        assert await app.start(supervisor) == before
        supervisor.fails = 1000
        assert await app.start(supervisor) == before


async def test_time_zone_is_the_supervisors_while_home_assistant_is_away(app: App) -> None:
    async with supervising(core=None) as supervisor:
        said = await app.start(supervisor)
    assert (said["language"], said["time_zone"]) == ("en", "Europe/Vienna")


async def test_supervisor_that_is_busy_is_asked_again(app: App) -> None:
    async with supervising(mqtt=BROKER, fails=2) as supervisor:
        assert (await app.start(supervisor))["language"] == "de"


async def test_broker_with_tls_is_reached_with_tls(app: App) -> None:
    async with supervising(mqtt=BROKER | {"ssl": True, "port": "8883"}) as supervisor:
        assert (await app.start(supervisor))["sinks"][1]["tls"] is True


async def test_no_broker_is_one_sentence_with_a_remedy(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervising() as supervisor:
        await app.start(supervisor)
    assert "install the app Mosquitto broker and restart this one" in caplog.text


async def test_phones_with_the_companion_app_are_found(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervising() as supervisor:
        assert len((await app.start(supervisor, phones=True))["sinks"]) == 1
        assert "restart this app" in caplog.text
        supervisor.actions += ("notify.mobile_app_pixel", "notify.mobile_app_anna_s_iphone")
        phones = (await app.start(supervisor, phones=True))["sinks"][-1]
        assert phones["type"] == "phone"
        assert phones["people"] == [
            {"name": "anna_s_iphone", "companion": ["notify.mobile_app_anna_s_iphone"]},
            {"name": "pixel", "companion": ["notify.mobile_app_pixel"]},
        ]
        assert len((await app.start(supervisor))["sinks"]) == 1


async def test_roaster_takes_the_only_serial_port(app: App) -> None:
    port = str(app.device("serial/by-id/usb-FTDI_1"))
    async with supervising() as supervisor:
        said = await app.start(supervisor, roaster="tc4")
        assert said["stations"][0]["roaster"] == {"type": "tc4", "port": port}
        app.device("serial/by-id/usb-FTDI_2")
        with pytest.raises(SettingsError, match=r"serial_port: name the port of the tc4; there"):
            await app.start(supervisor, roaster="tc4")
        said = await app.start(supervisor, roaster="tc4", serial_port="/dev/ttyUSB7")
        assert said["stations"][0]["roaster"]["port"] == "/dev/ttyUSB7"
        said = await app.start(supervisor, roaster="aillio_r1")
        assert said["stations"][0]["roaster"] == {"type": "aillio_r1"}


def test_serial_ports_without_names_are_those_of_the_kernel(app: App) -> None:
    assert serial_ports(app.places.dev) == []
    found = str(app.device("ttyACM0"))
    assert serial_ports(app.places.dev) == [found]


def test_groups_are_those_of_devices_and_not_of_files(app: App) -> None:
    app.device("ttyUSB0").chmod(0o660)
    assert device_groups(app.places.dev) == set()
    (app.places.dev / "ttyUSB1").symlink_to("/dev/null")  # 0666, a character device
    assert device_groups(app.places.dev) == {Path("/dev/null").stat().st_gid}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"instance": "My kitchen"}, "instance: "),
        ({"roaster": "toaster"}, "roaster: "),
        ({"people": "guest"}, "people: "),
    ],
)
async def test_wrong_option_is_named(app: App, options: dict[str, str], said: str) -> None:
    async with supervising() as supervisor:
        with pytest.raises(SettingsError, match=said):
            await app.start(supervisor, **options)


def test_without_a_supervisor_the_command_says_what_to_use(app: App) -> None:
    with pytest.raises(SettingsError, match="use `roastwatch run`"):
        prepare(app.places, None)


def logged(folder: Path, *rows: str) -> None:
    with sqlite3.connect(folder / "roasts.db") as log:
        log.execute("pragma journal_mode = wal")
        log.execute("create table if not exists roasts (name text)")
        log.executemany("insert into roasts values (?)", [(row,) for row in rows])
    log.close()


def names(folder: Path) -> list[str]:
    log = sqlite3.connect(folder / "roasts.db")
    try:
        return [row[0] for row in log.execute("select name from roasts")]
    finally:
        log.close()


def test_restored_backup_of_a_running_app_has_the_whole_log(tmp_path: Path) -> None:
    logged(tmp_path, "first", "second")
    backup.before(tmp_path)
    (tmp_path / "roasts.db").write_bytes(b"torn while it was copied")
    (tmp_path / backup.MARK).unlink()  # config.yaml leaves it out of the backup
    backup.restore(tmp_path)
    assert names(tmp_path) == ["first", "second"]
    assert not (tmp_path / backup.COPY).exists()


def test_log_of_a_backup_that_was_interrupted_stays(tmp_path: Path) -> None:
    logged(tmp_path, "first")
    backup.before(tmp_path)
    logged(tmp_path, "second")
    backup.restore(tmp_path)
    assert names(tmp_path) == ["first", "second"]
    assert {path.name for path in tmp_path.iterdir()} == {"roasts.db"}


def test_backup_leaves_nothing_behind(tmp_path: Path) -> None:
    backup.before(tmp_path)
    logged(tmp_path, "first")
    backup.before(tmp_path)
    backup.after(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"roasts.db"}
