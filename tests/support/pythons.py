"""Other versions of Python for the tests: from PATH, by uv, or in a Debian of their own.

Standard library only, because `dev` imports it.
"""

import hashlib
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from tests.support import debian_root
from tests.support.debian_root import CannotBuildError, inside

ROOT = Path(__file__).resolve().parents[2]
PYTEST = ("-m", "coverage", "run", "-m", "pytest")
"""Python 3.14 measures coverage at next to no cost; 3.11 takes twice as long for the tests."""
SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
DEBS = ("python3", "python3-venv", "ca-certificates", "libportaudio2", "procps")

# torch, openvino and their like are left out: large, late for a new Python, and tested on one.
EXTRAS = "homeassistant,media,phone,plots,roasters"


def pytest_command(version: str, arguments: list[str]) -> list[str]:
    """The command line that runs pytest on this version of Python, which is fetched if missing.

    Raises:
        CannotBuildError: this version can't be had on this machine.
    """
    python = _native(version)
    if python is None:
        return _in_debian(version, arguments)
    venv = ROOT / ".venvs" / version
    _install([], str(python), str(venv), dict(os.environ), venv / "installed")
    return [str(venv / "bin" / "python"), *PYTEST, *arguments]


def _native(version: str) -> Path | None:
    found = shutil.which(f"python{version}")
    if found is None and shutil.which("uv"):
        subprocess.run(["uv", "python", "install", "--quiet", version], capture_output=True)
        asked = ["uv", "python", "find", version]
        found = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return Path(found) if found else None


def _in_debian(version: str, arguments: list[str]) -> list[str]:
    reason = debian_root.why_not()
    if version not in SUITES:
        reason = f"no Debian suite is known for it (known: {', '.join(SUITES)})"
    if reason:
        raise CannotBuildError(f"Python {version} is not on PATH, uv did not find it, and {reason}")
    suite = SUITES[version]
    folder = debian_root.cache_folder("pythons")
    root = folder / suite
    with debian_root.lock(folder):
        if not root.exists():
            debian_root.log(f"Debian {suite} with Python {version} by debootstrap ...")
            partial = folder / f"{suite}.partial"
            debian_root.debootstrap(partial, suite, DEBS)
            partial.rename(root)
        place = root / str(ROOT)[1:]
        place.mkdir(parents=True, exist_ok=True)
        enter = inside(root, binds={ROOT: str(ROOT)})
        env = debian_root.environment()
        venv = f"/srv/{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
        _install(enter, "python3", venv, env, root / venv[1:] / "installed")
    words = ["env", "-C", str(ROOT), f"{venv}/bin/python", *PYTEST, *arguments]
    shown = {k: v for k, v in os.environ.items() if k.startswith(("PYTEST_", "ROASTWATCH_"))}
    settings = [f"{name}={value}" for name, value in (env | shown).items()]
    return inside(root, "env", "-i", *settings, *words, binds={ROOT: str(ROOT)})


def _install(enter: list[str], python: str, venv: str, env: dict[str, str], stamp: Path) -> None:
    """Make a virtual environment with the project in it, again when its requirements change."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wants = [project[table] for table in ("project", "dependency-groups")]
    wanted = hashlib.sha256(repr((wants, EXTRAS)).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    debian_root.log(f"Installing roastwatch into {venv} ...")
    debian_root.run([*enter, python, "-m", "venv", "--clear", venv], env)
    pip = [*enter, f"{venv}/bin/python", "-m", "pip", "install", "--quiet"]
    debian_root.run([*pip, "--upgrade", "pip"], env, attempts=2)
    group = f"{ROOT / 'pyproject.toml'}:test"
    debian_root.run([*pip, "-e", f"{ROOT}[{EXTRAS}]", "--group", group], env, attempts=2)
    stamp.write_text(wanted)
