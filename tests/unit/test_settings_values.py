"""Values as people write them in settings are accepted, or refused in one sentence at startup."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from roastwatch.cli import main
from roastwatch.cli.live import mqtt_sink
from roastwatch.errors import SettingsError
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.settings import model as settings


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "roastwatch.yaml"
    path.write_bytes(text.encode(encoding))
    return path


def sink(folder: Path, text: str) -> Any:
    """The options of the one sink in a settings file."""
    return settings.read(write(folder, f"sinks: [{{{text}}}]")).sinks[0].options


def refusal(folder: Path, text: str) -> str:
    """The sentence that refuses a settings file with this one sink."""
    with pytest.raises(SettingsError) as error:
        sink(folder, text)
    assert "\n" not in str(error.value)
    return str(error.value)


# Files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_settings_are_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "stations: [{name: a, title: Küche}]\r\n", encoding)
    assert settings.read(path).stations[0].title == "Küche"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("instance: k\ntitle: Küche".encode("latin-1"), "is not UTF-8 text (line 2)"),
        ("instance: k".encode("utf-16-le"), "UTF-16 without its mark"),
        (b"# " + b"x" * 2_000_000, "it is larger than 1 MB"),
        (b"instance: \x1b[31m", "special characters are not allowed"),
    ],
)
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, raw: bytes, sentence: str) -> None:
    path = tmp_path / "roastwatch.yaml"
    path.write_bytes(raw)
    with pytest.raises(SettingsError) as error:
        settings.read(path)
    assert sentence in str(error.value)
    assert str(path) in str(error.value)


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="is not a regular file"):
        settings.read(path)


# Secrets


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_relative_secret_file_starts_at_the_settings_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "secret").write_bytes("gehéim\r\n".encode(encoding))
    found = sink(tmp_path, "type: mqtt, username: me, password_file: secret")
    assert found.password.get_secret_value() == "gehéim"


def test_a_secret_file_in_the_working_directory_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (work / "secret").write_text("old way")
    found = sink(tmp_path, "type: mqtt, username: me, password_file: secret")
    assert found.password.get_secret_value() == "old way"
    (tmp_path / "secret").write_text("beside")
    found = sink(tmp_path, "type: mqtt, username: me, password_file: secret")
    assert found.password.get_secret_value() == "beside"


@pytest.mark.parametrize("value", ["08154711", "1e5", "true", "1.50", "[a]"])
def test_a_secret_that_yaml_changes_must_be_quoted_and_is_not_shown(
    tmp_path: Path, value: str
) -> None:
    said = refusal(tmp_path, f"type: mqtt, username: me, password: {value}")
    assert "password must be text: put it in quotes" in said
    assert value not in said.replace("quotes", "")
    quoted = sink(tmp_path, f"type: mqtt, username: me, password: '{value}'")
    assert quoted.password.get_secret_value() == value


@pytest.mark.parametrize("value", ["*geheim", "!geheim"])
def test_a_secret_that_parses_as_yaml_is_not_shown(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, f"sinks:\n  - type: mqtt\n    username: me\n    password: {value}\n")
    with pytest.raises(SettingsError, match=r"in line 4: .* in quotes") as error:
        settings.read(path)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("type: rest, token: ''", "token is empty"),
        ("type: rest, token: '${NOTHING:-}'", "token is empty"),
        ("type: rest, token_file: empty", "is empty: write the secret into it"),
        ("type: rest, token_file: ''", "token_file: the path is empty"),
        ("type: rest, token_file: two", "has more than one line"),
        ("type: rest, token_file: .", "it is a folder"),
        ("type: rest, token_file: 12", "put it in quotes"),
        ("type: phone, people: [{urls: ['']}]", "urls is empty"),
    ],
)
def test_an_empty_secret_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "empty").write_text("\ufeff \n")
    (tmp_path / "two").write_text("one\ntwo\n")
    assert sentence in refusal(tmp_path, text)


# Hosts


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("broker.local", "broker.local"),
        ("' 192.168.1.2 '", "192.168.1.2"),
        ("'[::1]'", "::1"),
        ("'fe80::1%eth0'", "fe80::1%eth0"),
        ("röster.local", "röster.local"),
    ],
)
def test_a_host_is_a_name_or_an_address(tmp_path: Path, host: str, taken: str) -> None:
    assert sink(tmp_path, f"type: mqtt, host: {host}").host == taken


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("mqtt://broker", "write only the name or address"),
        ("mqtts://me:geheim@broker:8883", "write only the name or address"),
        ("broker:1884", "write `broker` here and the port (1884) there"),
        ("'[::1]:1884'", "not an IPv6 address: write only the address"),
        ("broker/x", "write only the name or address"),
        ("'a b'", "not a valid host name"),
        ("a..b", "not a valid host name"),
        ("'${MQTT_HOST}'", "the host is empty"),
        ("1883", "put it in quotes"),
    ],
)
@pytest.mark.parametrize("key", ["type: mqtt, host", "type: rules, mqtt_host", "type: rest, host"])
def test_an_invalid_host_is_refused_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, host: str, sentence: str
) -> None:
    monkeypatch.setenv("MQTT_HOST", "")
    said = refusal(tmp_path, f"{key}: {host}")
    assert said.startswith(f"sinks[0].{key.split()[-1]}: ")
    assert sentence in said
    assert "geheim" not in said


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("broker", "broker", 1883),
        ("broker:1884", "broker", 1884),
        ("[::1]:1884", "::1", 1884),
        ("fe80::1", "fe80::1", 1883),
    ],
)
def test_mqtt_option_takes_host_and_port(address: str, host: str, port: int) -> None:
    options: Any = mqtt_sink(address).options
    assert (options.host, options.port) == (host, port)


@pytest.mark.parametrize("address", ["mqtt://broker", "broker:x", "", "broker:99999"])
def test_mqtt_option_refuses_an_invalid_address(address: str) -> None:
    with pytest.raises(SettingsError, match=r"^--mqtt"):
        mqtt_sink(address)


def test_an_empty_variable_takes_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_HOST", "")
    assert sink(tmp_path, "type: mqtt, host: '${MQTT_HOST:-broker}'").host == "broker"
    monkeypatch.setenv("MQTT_HOST", "shed")
    assert sink(tmp_path, "type: mqtt, host: '${MQTT_HOST:-broker}'").host == "shed"


# What is for security is never ignored


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("type: mqtt, ca_file: ca.pem", "ca_file without `tls: true`"),
        ("type: mqtt, client_cert_file: a.pem", "client_cert_file without `tls: true`"),
        ("type: mqtt, tls: false, client_key_file: k", "client_key_file without `tls: true`"),
        ("type: mqtt, tls: true, client_key_file: k", "add client_cert_file"),
        ("type: mqtt, password: x", "password is not sent without a user name"),
        ("type: mqtt, tls: true, ca_file: ''", "the path is empty"),
        ("type: mqtt, discovery_prefix: '#'", "without # and +"),
        ("type: mqtt, discovery_prefix: /", "without # and +"),
        ("type: rules, mqtt_password: x", "add mqtt_username"),
        ("type: rules, rules: [{on: drop, mqtt_topic: a, secret: x}]", "secret signs a webhook"),
    ],
)
def test_a_security_option_is_never_ignored(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("password: x", "a password needs a user name"),
        ("port: 'mqtt://me:geheim@broker'", "username and password_file"),
    ],
)
def test_the_login_of_a_roaster_is_never_ignored(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(
        tmp_path, f"stations: [{{roaster: {{type: mqtt, bean_temp: {{topic: t}}, {text}}}}}]"
    )
    with pytest.raises(SettingsError) as error:
        settings.read(path)
    assert sentence in str(error.value)
    assert "geheim" not in str(error.value)


# Paths


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = settings.read(write(tmp_path, "data_dir: ~/roasts\nstations: [{plan: ~/a.yaml}]"))
    assert found.folder == tmp_path / "roasts"
    assert found.stations[0].plan == tmp_path / "a.yaml"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("data_dir: ~nobody-of-that-name/x", "data_dir: '~nobody-of-that-name/x' needs a home"),
        ("data_dir: ''", "data_dir: the path is empty"),
    ],
)
def test_an_empty_path_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=r"^[^:]") as error:
        settings.read(write(tmp_path, text))
    assert str(error.value).startswith(sentence)


def test_relative_paths_start_at_the_settings_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (tmp_path / "big").mkdir()
    found = settings.read(
        write(
            tmp_path,
            "data_dir: data\n"
            "stations: [{plan: p.yaml, source: {type: file, path: a.wav},"
            " model: {type: windowed, model: big}}]",
        )
    )
    assert found.folder == tmp_path / "data"
    assert found.stations[0].plan == tmp_path / "p.yaml"
    assert found.stations[0].source.options.path == tmp_path / "a.wav"  # type: ignore[attr-defined]
    assert found.stations[0].model.options.model == str(tmp_path / "big")  # type: ignore[attr-defined]


# Which file, and the pages


def test_an_empty_settings_variable_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROASTWATCH_SETTINGS", "")
    write(tmp_path, "instance: here")
    with pytest.raises(SystemExit) as ended:
        main(["settings"])
    assert ended.value.code == 0
    assert "Instance: here" in capsys.readouterr().out


def test_settings_in_the_documentation_are_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[2]
    taken = 0
    for page in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            raw = parse_yaml(block)
            if isinstance(raw, list) and isinstance(raw[0], dict) and "type" in raw[0]:
                block, raw = f"sinks:\n{block}", {"sinks": raw}
            if not isinstance(raw, dict) or not {"sinks", "stations"} & raw.keys():
                continue
            for secret in re.findall(r"(?:_file: )([\w./-]+)", block):
                file = tmp_path / secret.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(re.sub("[^A-Za-z0-9]", "-", f"the secret in {secret}"))
            settings.read(write(tmp_path, block.replace("_file: /", "_file: ")))
            taken += 1
    assert taken >= 5


@pytest.mark.parametrize(
    "limits",
    [
        "bean_temp_max_c: .inf",
        "bean_temp_max_c: .nan",
        "fan_min_for_heat_percent: -5",
        "no_such_limit: 1",
        "hot_above_c: 150, bean_temp_max_c: 140",
    ],
)
def test_limits_that_the_guardian_would_refuse_are_refused(tmp_path: Path, limits: str) -> None:
    path = tmp_path / "settings.yaml"
    roaster = "roaster: {type: tc4, port: /dev/ttyUSB0}"
    path.write_text(f"stations: [{{name: k, {roaster}, roaster_limits: {{{limits}}}}}]\n")
    with pytest.raises(SettingsError, match=r"stations\[0\]\.roaster_limits"):
        settings.read(path)
