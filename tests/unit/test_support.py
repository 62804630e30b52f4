"""The support bundle: everything that helps, and no secret of any setting."""

import io
import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from roastwatch import plugins
from roastwatch.cli.support import command
from roastwatch.options import secrets_in
from roastwatch.printing.recent_log import MOST_LINES, RecentLog, without
from roastwatch.settings import model as settings
from roastwatch.upkeep import support
from roastwatch.upkeep.checks import DoctorFinding
from tests.support.recorded_roasts import recorded
from tests.unit.test_secrets import at, every_secret


def texts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {Path(name).name: packed.read(name).decode() for name in packed.namelist()}


def written(folder: Path, raw: dict[str, Any]) -> Path:
    path = folder / "roastwatch.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def bundle(path: Path, said: str = "", **more: Any) -> bytes:
    running = {"state": {"problem": said}, "log": [f"tried {said} in vain"]}
    return support.bundle(path, [DoctorFinding("mqtt", False, f"no {said}")], running, **more)


@pytest.mark.parametrize(("group", "name", "path"), every_secret())
def test_no_secret_is_in_it(group: str, name: str, path: tuple[str, ...], tmp_path: Path) -> None:
    secret = "s3cret-t0ken-of-0ne"
    given = f"ntfy://me:{secret}@ntfy.lan/x" if path[-1] == "urls" else secret
    options = {"type": name} | needs(group, name, path)
    place: Any = options
    for key, value in at(plugins.load(group, name).Options, path, given).items():
        inner = isinstance(value, dict) and isinstance(place.get(key), dict)
        place[key] = place[key] | value if inner else value
    if path[-1] == "urls":
        options["people"][0]["urls"] = [given]
    if path == ("rules", "secret"):
        options["rules"] = [{"on": "drop", "webhook": "http://h.lan/x", "secret": given}]
    station: dict[str, Any] = {"source": {"type": "demo"}}
    raw: dict[str, Any] = {"stations": [station]}
    match group:
        case "sinks":
            raw["sinks"] = [options]
        case "drivers":
            station["roaster"] = options
        case _:
            station[group.removesuffix("s")] = options
    file = written(tmp_path, raw)
    assert given in secrets_in(settings.read(file))
    for found in texts(bundle(file, given)).values():
        assert secret not in found


def needs(group: str, name: str, path: tuple[str, ...]) -> dict[str, Any]:
    """What a secret needs beside it to be valid."""
    home = {"url": "http://127.0.0.1:1"}
    needed: dict[str, dict[str, Any]] = {
        "home_assistant": home if len(path) == 1 else {},
        "mqtt": {"username": "me"},
        "stream": {"url": "rtsp://127.0.0.1/x", "user": "me"},
        "phone": {"people": [{"name": "me", "urls": ["ntfy://ntfy.lan/x"]}]},
        "rules": {"rules": [{"on": "drop", "scene": "scene.x"}]},
    }
    found = dict(needed.get(name, {}))
    if name == "mqtt" and group == "drivers":
        found |= {"port": "127.0.0.1", "bean_temp": {"topic": "t"}}
    if name == "rest" and path[0] != "token":
        found["sign_in"] = True
    if "home_assistant" in path:
        found["home_assistant"] = home
    if path[0] == "mqtt_password":
        found |= {"mqtt_username": "me"}
    return found


def test_a_path_in_an_address_is_left_out(tmp_path: Path) -> None:
    rule = {"on": "drop", "webhook": "http://ha.lan:8123/api/webhook/abcdefgh"}
    raw = {"stations": [{"source": "demo"}], "sinks": [{"type": "rules", "rules": [rule]}]}
    found = texts(bundle(written(tmp_path, raw), "/api/webhook/abcdefgh"))
    assert "http://ha.lan:8123/…" in found["settings.yaml"]
    assert not [text for text in found.values() if "abcdefgh" in text]


def test_sound_is_in_it_only_if_wanted(tmp_path: Path) -> None:
    recorded(tmp_path)
    path = written(tmp_path, {"data_dir": str(tmp_path), "stations": [{"source": "demo"}]})
    names = {
        wanted: [one for one in zipfile.ZipFile(io.BytesIO(content)).namelist() if "/sound/" in one]
        for wanted in (False, True)
        if (content := bundle(path, sound=wanted))
    }
    assert names[False] == []
    assert len(names[True]) >= 1


def test_a_wrong_settings_file_is_named_and_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "roastwatch.yaml"
    path.write_text("pasword: hunter2\n")
    found = texts(bundle(path))
    assert "pasword is not a setting" in found["settings.yaml"]
    assert not [text for text in found.values() if "hunter2" in text]


def test_the_command_writes_it_for_its_owner(tmp_path: Path) -> None:
    station = {"source": "demo", "model": "transients"}
    path = written(tmp_path, {"data_dir": str(tmp_path), "stations": [station]})
    to = tmp_path / "new" / "help.zip"
    done = CliRunner().invoke(command, ["--settings", str(path), "--to", str(to)])
    assert done.exit_code == 0, done.output
    assert to.stat().st_mode & 0o777 == 0o600
    found = texts(to.read_bytes())
    assert json.loads(found["versions.json"])["roastwatch"]
    assert "ok    roaster model: transients" in found["doctor.txt"]


def test_the_recent_log_forgets_the_oldest_and_hides_secrets() -> None:
    kept = RecentLog({"hunter2", "abc"})
    for number in range(MOST_LINES + 5):
        kept.write(f"line {number} hunter2 abc\n")
    assert len(kept.lines) == MOST_LINES
    assert kept.lines[0] == "line 5 *** abc"
    assert without("ab", {""}) == "ab"


def test_the_recent_log_listens_to_every_logger() -> None:
    kept = RecentLog()
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        kept.listen()
        logging.getLogger("roastwatch.any").warning("a \x1b[31mfault")
    finally:
        root.handlers[:] = before
    (line,) = kept.lines
    assert "WARNING a \\x1b[31mfault" in line
