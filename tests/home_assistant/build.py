"""Builds a root directory with a real Home Assistant Core in it, from package registries only.

Debian bookworm's Python is too old for a current Core, so it lives in a Debian "forky" of its
own, made by debootstrap and kept in a cache between runs. Everything that mounts runs in a mount
namespace of its own (`unshare --mount`), so however it ends, nothing stays mounted.

By hand: `python3 -m tests.home_assistant.build` (about 2 min the first time).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "2026.11.0"
SUITE = "forky"
DEBS = "python3,python3-venv,python3-dev,g++,ca-certificates"

# What the tests use. `hass --skip-pip` starts at once and always the same, if all that these and
# their dependencies require is there.
INTEGRATIONS = [
    *("mqtt", "frontend", "history", "logbook", "recorder", "mobile_app", "onboarding"),
    *("analytics", "lovelace", "hassio", "assist_pipeline", "automation", "script", "scene"),
    *("template", "input_boolean", "tts", "media_player", "notify", "image"),
    *("camera", "stream"),  # mobile_app imports them
]

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

# Runs in a mount namespace: $0 is the root directory, $1.. the command in it.
_ENTER = """
set -e
mount --rbind /proc "$0/proc"
mount --rbind /dev "$0/dev"
[ -z "$BIND_CONFIG" ] || mount --bind "$BIND_CONFIG" "$0/config"
exec chroot "$0" "$@"
"""


class CannotBuildError(Exception):
    """This machine can't build or start a root directory; the text says why."""


def why_not() -> str | None:
    """Why this machine can't do it, or None."""
    if os.geteuid() != 0:
        return "a root directory of its own needs root"
    for program in ("debootstrap", "unshare", "chroot"):
        if not shutil.which(program):
            return f"{program} is not installed (python3 dev test installs it)"
    namespace = ["unshare", "--mount", "--propagation", "private", "true"]
    if subprocess.run(namespace, capture_output=True).returncode:
        return "this machine allows no mount namespaces"
    return None


def cache_folder() -> Path:
    """Where builds are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "roastwatch-tests" / "home-assistant"


def inside(root: Path, *words: str, config: Path | None = None) -> list[str]:
    """The command line that runs `words` inside `root`, with /proc and /dev, in the foreground."""
    enter = ["unshare", "--mount", "--propagation", "private", "env", f"BIND_CONFIG={config or ''}"]
    return [*enter, "sh", "-c", _ENTER, str(root), *words]


def environment() -> dict[str, str]:
    """What programs inside see of ours: the way to the network, and nothing else."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.lower() in ("http_proxy", "https_proxy", "no_proxy")
    }
    return (
        kept
        | {
            "PATH": "/srv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
            "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        | _index()
    )


def _index() -> dict[str, str]:
    """The package index that this machine's pip uses, if it is not the usual one."""
    found = os.environ.get("PIP_INDEX_URL", "")
    if not found:
        asked = subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
            capture_output=True,
            text=True,
        )
        found = asked.stdout.strip() if asked.returncode == 0 else ""
    return {"PIP_INDEX_URL": found, "UV_DEFAULT_INDEX": found} if found else {}


def _mirror() -> str:
    """The Debian mirror that apt uses."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
    ).stdout.split()
    return next((uri for uri in listed if uri.rstrip("/").endswith("/debian")), _DEBIAN)


_DEBIAN = "http://deb.debian.org/debian"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _run(words: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    if done.returncode:
        said = (done.stdout[-1500:] + done.stderr[-1500:]).strip()
        raise CannotBuildError(f"{' '.join(words)[:120]} ended with {done.returncode}:\n{said}")
    return done.stdout


def _with_patience(words: list[str], env: dict[str, str] | None = None) -> str:
    """Registries and mirrors fail now and then: three times, with a pause."""
    for attempt in (1, 2):
        try:
            return _run(words, env)
        except CannotBuildError as error:
            _say(f"trying again: {error}")
            time.sleep(5 * attempt)
    return _run(words, env)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One build at a time; a second test run waits for the first."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def root() -> Path:
    """The root directory with Home Assistant at /srv, built first if it is not there.

    Raises:
        CannotBuildError: the machine lacks something, or a mirror or registry can't be reached.
    """
    reason = why_not()
    if reason:
        raise CannotBuildError(reason)
    recipe = hashlib.sha256(repr((SUITE, DEBS, INTEGRATIONS)).encode()).hexdigest()[:8]
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / f"{VERSION}-{recipe}"
    with _locked(folder):
        if not finished.exists():
            for stale in folder.glob("*.partial"):
                shutil.rmtree(stale, ignore_errors=True)
            partial = folder / f"{finished.name}.partial"
            _build(partial, folder / "debs")
            partial.rename(finished)
            finished.touch()
            for other in folder.glob("20*-*"):  # of another checkout perhaps: only if long unused
                if other != finished and time.time() - other.stat().st_mtime > 14 * 86400:
                    shutil.rmtree(other, ignore_errors=True)
    return finished


def _build(target: Path, debs: Path) -> None:
    started = time.monotonic()

    def say(step: str) -> None:
        _say(f"{time.monotonic() - started:5.0f} s  {step}")

    debs.mkdir(exist_ok=True)
    say(f"Debian {SUITE} by debootstrap")
    # Older debootstraps have no script of that name; sid's is the right one for every later suite.
    strap = ["debootstrap", "--variant=minbase", f"--include={DEBS}", f"--cache-dir={debs}"]
    strap += [SUITE, str(target), _mirror(), "sid"]
    namespace = ["unshare", "--mount", "--propagation", "private"]
    proxies = _apt_proxy()
    for attempt in (1, 2, 3):
        shutil.rmtree(target, ignore_errors=True)
        try:
            _run([*namespace, *strap], dict(os.environ) | proxies)
            break
        except CannotBuildError:
            if attempt == 3:
                raise
            time.sleep(5 * attempt)

    for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
        if Path(name).exists():
            place = target / name[1:]
            place.unlink(missing_ok=True)
            shutil.copyfile(name, place)
    (target / "config").mkdir(exist_ok=True)

    env = environment()
    say("Home Assistant " + VERSION)
    _run(inside(target, "python3", "-m", "venv", "/srv"), env)
    _with_patience(inside(target, "/srv/bin/pip", "install", "--quiet", "uv"), env)
    install = ["/srv/bin/uv", "pip", "install", "--quiet", "--python", "/srv/bin/python"]
    _with_patience(inside(target, *install, f"homeassistant=={VERSION}"), env)
    say("what the integrations require")
    asked = inside(target, "/srv/bin/python", "-c", _REQUIREMENTS, *INTEGRATIONS)
    wanted = _run(asked, env).split("\n")
    libraries = Path(_run(inside(target, "sh", "-c", "ls -d /srv/lib/python3*"), env).strip())
    constraints = libraries / "site-packages/homeassistant/package_constraints.txt"
    packages = [line.strip() for line in wanted if line.strip()]
    _with_patience(inside(target, *install, "-c", str(constraints), *packages), env)
    shutil.rmtree(target / "root/.cache", ignore_errors=True)
    for deb in (target / "var/cache/apt/archives").glob("*.deb"):
        deb.unlink()
    say("done")


def _apt_proxy() -> dict[str, str]:
    """debootstrap doesn't read apt's own proxy setting."""
    asked = ["apt-config", "shell", "PROXY", "Acquire::http::Proxy"]
    said = subprocess.run(asked, capture_output=True, text=True).stdout
    value = said.partition("=")[2].strip().strip("'\"")
    return {"http_proxy": value} if value and value != "DIRECT" else {}


if __name__ == "__main__":
    try:
        _say(str(root()))
    except CannotBuildError as error:
        sys.exit(f"no Home Assistant: {error}")
