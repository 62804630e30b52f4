"""Limits of machines, and the table that says what each does without its host."""

from pathlib import Path

import pytest

from roastwatch import plugins
from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.roaster import messages
from roastwatch.roaster.guardian import limits_store as machines
from roastwatch.roaster.guardian.limits import Limits

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", machines.names())
def test_limits_of_each_machine_are_valid(name: str) -> None:
    differs = machines.limits_for(name) != Limits() or name in ("simulated", "tc4")
    assert differs, "If no limit differs, make no file: the defaults apply."


def test_an_unknown_machine_gets_the_cautious_defaults() -> None:
    assert machines.limits_for("grandmas-pan") == Limits()


@pytest.mark.parametrize("name", plugins.names("drivers"))
def test_wire_protocols_page_names_each_driver(name: str) -> None:
    page = ROOT / "docs" / "explanation" / "wire-protocols.md"
    assert f"`{name}`" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hot_above: 80", "did you mean 'hot_above_c'"),
        ("bean_temp_max_c: 900", "bean_temp_max_c"),
        ("bean_temp_max_c: hot", "bean_temp_max_c"),
        ("hot_above_c: 170\nbean_temp_max_c: 120", "hot_above_c must be below"),
        ("- 1", "keys and values"),
        ("a: [", "not YAML"),
    ],
)
def test_wrong_limits_are_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=says):
        machines.limits_for("hottop", path)


def test_what_the_command_line_lacks_is_said() -> None:
    with pytest.raises(SettingsError, match="--type"):
        RoasterLaunch.chosen(None, None, (), None, None, None, False)
    with pytest.raises(SettingsError, match="--port"):
        RoasterLaunch.chosen("hottop", None, (), None, None, None, False)
    with pytest.raises(SettingsError, match="colour is not an option"):
        RoasterLaunch.chosen("simulated", None, ("colour=red",), None, None, None, False)


def test_one_device_by_two_names_has_one_guardian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    device, alias = tmp_path / "ttyUSB0", tmp_path / "by-id"
    device.touch()
    alias.symlink_to(device)
    assert messages.socket_path(str(device)) == messages.socket_path(str(alias))
    assert messages.socket_path(str(device)) != messages.socket_path("/dev/ttyUSB1")


def test_one_machine_has_one_guardian_however_its_options_are_written() -> None:
    """Else `roaster stop` would reach a guardian that holds nothing."""

    def socket(kind: str, port: str | None, *options: str) -> Path | None:
        return RoasterLaunch.chosen(kind, port, options, None, None, None, False).socket

    assert socket("aillio_r1", None) == socket("aillio_r1", "usb")
    assert socket("aillio_r1", None) != socket("aillio_r2", None)
    assert socket("simulated", None, "noise_c=0") == socket("simulated", "simulated")
    assert socket("hottop", "tcp://a:1") == socket("hottop", "socket://a:1", "baud=9600")
    broker = "mqtt://localhost:1883"
    topics = ("bean_temp={topic: t}", "heater={command_topic: h}")
    assert socket("mqtt", None, *topics) == socket("mqtt", broker, *topics)
    assert socket("mqtt", None, *topics) != socket("mqtt", None, topics[0])
    written = [
        RoasterLaunch.chosen("aillio_r1", p, (), None, None, None, False) for p in (None, "usb")
    ]
    assert written[0].launch.spec == written[1].launch.spec


def test_a_folder_that_others_can_enter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "r"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(folder))
    if len(str(folder)) <= messages.LONGEST_FOLDER:
        with pytest.raises(BadInputError, match="open to other users"):
            messages.runtime_dir()
