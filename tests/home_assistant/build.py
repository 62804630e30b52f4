"""Builds a root directory with a real Home Assistant Core in it, from package registries only.

Debian bookworm's Python is too old for a current Core, so it lives in a Debian "forky" of its
own, kept in a cache between runs.

By hand: `python3 -m tests.home_assistant.build` (about 2 min the first time).
"""

import hashlib
import shutil
import sys
import time
from pathlib import Path

from tests.support import debian_root
from tests.support.debian_root import CannotBuildError, inside, run

VERSION = "2026.11.0"
SUITE = "forky"
DEBS = ("python3", "python3-venv", "python3-dev", "g++", "ca-certificates")

# What the tests use. `hass --skip-pip` starts at once and always the same, if all that these and
# their dependencies require is there.
INTEGRATIONS = [
    *("mqtt", "frontend", "history", "logbook", "recorder", "mobile_app", "onboarding"),
    *("analytics", "lovelace", "hassio", "assist_pipeline", "automation", "script", "scene"),
    *("template", "input_boolean", "tts", "media_player", "notify", "image"),
    *("camera", "stream"),  # mobile_app imports them
]

TOOLS = "/srv/test-tools"
_TOOLS = ("pytest==9.0.3", "pytest-asyncio==1.4.0", "mypy==2.4.1")
"""What tests the integration inside, kept apart from Home Assistant's libraries."""

# Runs in the new root: the requirements of the integrations and all they depend on.
_REQUIREMENTS = """
import json, pathlib, sys, homeassistant.components
root = pathlib.Path(next(iter(homeassistant.components.__path__)))
todo, seen, wanted = sys.argv[1:], set(), set()
while todo:
    name = todo.pop()
    if name in seen:
        continue
    seen.add(name)
    manifest = json.loads((root / name / "manifest.json").read_text())
    wanted.update(manifest.get("requirements", ()))
    todo += manifest.get("dependencies", ())
print("\\n".join(sorted(wanted)))
"""


def root() -> Path:
    """The root directory with Home Assistant at /srv, built first if it is missing.

    Raises:
        CannotBuildError: the machine lacks something, or a mirror or registry can't be reached.
    """
    reason = debian_root.why_not()
    if reason:
        raise CannotBuildError(reason)
    recipe = hashlib.sha256(repr((SUITE, ",".join(DEBS), INTEGRATIONS)).encode()).hexdigest()[:8]
    folder = debian_root.cache_folder("home-assistant")
    finished = folder / f"{VERSION}-{recipe}"
    with debian_root.lock(folder):
        if not finished.exists():
            for stale in folder.glob("*.partial"):
                shutil.rmtree(stale, ignore_errors=True)
            partial = folder / f"{finished.name}.partial"
            _build(partial)
            partial.rename(finished)
            finished.touch()
            debian_root.remove_unused(folder, "20*-*", finished)
    return finished


def with_tools(target: Path) -> Path:
    """A root of `root`, with pytest and mypy in TOOLS (a few seconds the first time).

    Raises:
        CannotBuildError: a registry can't be reached.
    """
    mark = target / TOOLS[1:] / (hashlib.sha256(repr(_TOOLS).encode()).hexdigest()[:8] + ".done")
    with debian_root.lock(debian_root.cache_folder("home-assistant")):
        if not mark.exists():
            shutil.rmtree(mark.parent, ignore_errors=True)
            install = ["/srv/bin/uv", "pip", "install", "--quiet", "--python", "/srv/bin/python"]
            words = [*install, "--target", TOOLS, "--compile-bytecode", *_TOOLS]
            run(inside(target, *words), debian_root.environment(), attempts=3)
            mark.touch()
    return target


def _build(target: Path) -> None:
    started = time.monotonic()

    def step(name: str) -> None:
        debian_root.log(f"{time.monotonic() - started:5.0f} s  {name}")

    step(f"Debian {SUITE} by debootstrap")
    debian_root.debootstrap(target, SUITE, DEBS)
    (target / "config").mkdir(exist_ok=True)

    env = debian_root.environment()
    step("Home Assistant " + VERSION)
    run(inside(target, "python3", "-m", "venv", "/srv"), env)
    run(inside(target, "/srv/bin/pip", "install", "--quiet", "uv"), env, attempts=3)
    install = ["/srv/bin/uv", "pip", "install", "--quiet", "--python", "/srv/bin/python"]
    run(inside(target, *install, f"homeassistant=={VERSION}"), env, attempts=3)
    step("what the integrations require")
    asked = inside(target, "/srv/bin/python", "-c", _REQUIREMENTS, *INTEGRATIONS)
    wanted = run(asked, env).split("\n")
    libraries = Path(run(inside(target, "sh", "-c", "ls -d /srv/lib/python3*"), env).strip())
    constraints = libraries / "site-packages/homeassistant/package_constraints.txt"
    packages = [line.strip() for line in wanted if line.strip()]
    run(inside(target, *install, "-c", str(constraints), *packages), env, attempts=3)
    shutil.rmtree(target / "root/.cache", ignore_errors=True)
    for deb in (target / "var/cache/apt/archives").glob("*.deb"):
        deb.unlink()
    step("done")


if __name__ == "__main__":
    try:
        debian_root.log(str(root()))
    except CannotBuildError as error:
        sys.exit(f"no Home Assistant: {error}")
