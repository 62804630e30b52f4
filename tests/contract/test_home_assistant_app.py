"""The app's folder: what Home Assistant reads of it, its texts, its image and its release."""

import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml

from roastwatch import __version__, cli
from roastwatch.app.home_assistant import backup, settings_file, start
from roastwatch.app.home_assistant.known import AppOptions, Machine
from roastwatch.plugins import names
from roastwatch.web.accounts import Role
from tools import home_assistant_app as tool

APP = tool.APP
LANGUAGES = ("en", "de")
KEYS = {
    *("name", "version", "slug", "description", "url", "startup"),
    *("boot", "ports", "arch", "map", "image", "audio"),
    *("usb", "uart", "udev", "services", "discovery", "homeassistant_api"),
    *("ingress", "ingress_port", "ingress_stream", "panel_icon", "panel_title", "panel_admin"),
    *("watchdog", "timeout", "init", "stage", "backup", "backup_pre"),
    *("backup_post", "backup_exclude", "options", "schema"),
}
"""Those of the developers' documentation that cost no safety rating."""


def read(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


CONFIG = read(APP / "config.yaml")
WORKFLOW = read(tool.ROOT / ".github/workflows/release.yaml")


def test_config_has_what_home_assistant_requires_and_no_more_rights() -> None:
    assert {"name", "version", "slug", "description", "arch"} <= set(CONFIG)
    assert set(CONFIG) <= KEYS
    assert CONFIG["version"] == __version__
    assert sorted(CONFIG["arch"]) == ["aarch64", "amd64"]
    assert CONFIG["ingress"] is True
    assert CONFIG["ingress_port"] == settings_file.PORT
    assert f"[PORT:{settings_file.PORT}]/health" in CONFIG["watchdog"]
    assert CONFIG["discovery"] == [start.SERVICE]
    assert read(tool.ROOT / "repository.yaml")["name"]


def test_home_assistant_finds_one_app_in_the_repository() -> None:
    """It looks for config.* in every folder of a repository."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    listed = subprocess.run(["git", "ls-files"], cwd=tool.ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = [path for path in listed.stdout.splitlines() if Path(path).stem == "config"]
    assert [path for path in found if Path(path).suffix in (".yaml", ".yml", ".json")] == [
        str((APP / "config.yaml").relative_to(tool.ROOT))
    ]


def test_options_are_those_that_the_start_reads() -> None:
    fields = AppOptions.model_fields
    assert set(CONFIG["schema"]) == set(fields)
    assert AppOptions.model_validate(CONFIG["options"]) == AppOptions()
    optional = {name for name, kind in CONFIG["schema"].items() if kind.endswith("?")}
    assert set(CONFIG["options"]) == set(fields) - optional
    assert CONFIG["schema"]["roaster"] == f"list({'|'.join(get_args(Machine))})"
    assert CONFIG["schema"]["people"] == f"list({'|'.join(reversed(Role))})"
    assert set(get_args(Machine)) - {"none"} <= set(names("drivers"))
    pattern = re.fullmatch(r"match\((.+)\)", CONFIG["schema"]["instance"])
    assert pattern is not None
    assert re.fullmatch(pattern[1], AppOptions().instance)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_has_a_name_and_a_description(language: str) -> None:
    said = read(APP / "translations" / f"{language}.yaml")
    assert set(said) == {"configuration"}
    assert set(said["configuration"]) == set(CONFIG["schema"])
    for texts in said["configuration"].values():
        assert set(texts) == {"name", "description"}
        assert texts["description"].endswith(".")
        assert len(texts["name"]) < 30


def test_documentation_explains_every_option() -> None:
    docs = (APP / "DOCS.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in docs for name in CONFIG["schema"])


def test_pictures_have_the_sizes_that_the_store_shows() -> None:
    for name, size in tool.SIZES.items():
        head = (APP / name).read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", head[16:24]) == size


def test_commands_around_a_backup_exist_and_its_mark_is_left_out() -> None:
    for when in ("pre", "post"):
        _, *words = CONFIG[f"backup_{when}"].split()
        group = cli.cli.get_command(click.Context(cli.cli), words[0])
        assert isinstance(group, click.Group)
        assert words[1] in group.commands
    excluded = CONFIG["backup_exclude"]
    kept = [f"/data/{name}" for name in (backup.COPY, "roasts.db", "secrets/mqtt.password")]
    assert any(Path(f"/data/{backup.MARK}").match(one) for one in excluded)
    assert not [path for path in kept if any(Path(path).match(one) for one in excluded)]


def test_apparmor_profile_has_the_apps_name_and_is_valid() -> None:
    profile = APP / "apparmor.txt"
    assert f"profile {CONFIG['slug']} flags=" in profile.read_text(encoding="utf-8")
    parser = shutil.which("apparmor_parser") or shutil.which("apparmor_parser", path="/usr/sbin")
    if parser is None:
        pytest.skip("apparmor_parser is not installed")
    words = [parser, "--skip-kernel-load", "--skip-cache", "--stdout", str(profile)]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_folder_to_build_has_all_that_its_dockerfile_copies(tmp_path: Path) -> None:
    tool.make(tmp_path / "out", None)
    app = tmp_path / "out/roastwatch"
    assert (tmp_path / "out/repository.yaml").exists()
    assert [name for name in tool.copied() if not (app / name).exists()] == []
    last = (app / "Dockerfile").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert last == 'CMD ["home-assistant", "app"]'
    assert "image" not in read(app / "config.yaml")
    assert [path.parent for path in app.rglob("config.*")] == [app]


def test_folder_of_a_release_names_the_published_image(tmp_path: Path) -> None:
    tool.make(tmp_path / "out", "ghcr.io/someone/roastwatch-app")
    app = tmp_path / "out/roastwatch"
    assert read(app / "config.yaml") == CONFIG | {"image": "ghcr.io/someone/roastwatch-app"}
    assert not (app / "Dockerfile").exists()


def test_release_is_off_until_a_person_switches_it_on() -> None:
    on = next(value for key, value in WORKFLOW.items() if key is True)  # YAML 1.1 reads `on` so
    assert set(on) == {"push", "workflow_dispatch"}
    assert set(on["push"]) == {"tags"}
    first = WORKFLOW["jobs"]["wheel"]
    assert first["if"].endswith("vars.ROASTWATCH_RELEASE == 'on'")
    later = {name: job["needs"] for name, job in WORKFLOW["jobs"].items() if name != "wheel"}
    assert all("wheel" in needs for needs in later.values())


def test_release_pins_its_actions_and_asks_for_few_rights() -> None:
    jobs = WORKFLOW["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", one)] == []
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in jobs)
    checkouts = [s for job in jobs for s in job["steps"] if "checkout" in s.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_release_builds_targets_of_the_dockerfile_for_both_architectures() -> None:
    image = WORKFLOW["jobs"]["image"]
    assert image["strategy"]["matrix"]["arch"] == ["amd64", "arm64"]
    built = next(step for step in image["steps"] if "build-push" in step.get("uses", ""))
    targets = set(re.findall(r"'([a-z]+)'", built["with"]["target"]))
    dockerfile = (tool.ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert targets == {"app", "service"} <= set(re.findall(r" AS (\w+)$", dockerfile, re.MULTILINE))
