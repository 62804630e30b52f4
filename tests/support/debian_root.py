"""Debian root directories made by debootstrap, and commands that run in them. Needs root.

Mounts are made in a mount namespace of their own (`unshare --mount`), so however a command ends,
nothing stays mounted. Root directories are cached between runs. Standard library only.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

DEBIAN = "http://deb.debian.org/debian"
NAMESPACE = ("unshare", "--mount", "--propagation", "private")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
DAY_S = 86400.0

# Runs in a mount namespace: $0 is the root directory, $1.. the command in it.
# BINDS holds lines "folder outside:folder inside".
_ENTER = """
set -e
mount --rbind /proc "$0/proc"
mount --rbind /dev "$0/dev"
printf %s "$BINDS" | while IFS=: read -r outside inside; do
  [ -z "$outside" ] || mount --bind "$outside" "$0$inside"
done
exec chroot "$0" "$@"
"""


class CannotBuildError(Exception):
    """This machine can't build or start a root directory; the text says why."""


def why_not() -> str | None:
    """The reason why this machine can't build a root directory, or None if it can."""
    if os.geteuid() != 0:
        return "a root directory of its own needs root"
    for program in ("debootstrap", "unshare", "chroot"):
        if not shutil.which(program):
            return f"{program} is not installed (python3 dev test installs it)"
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        return "this machine allows no mount namespaces"
    return None


def cache_folder(name: str) -> Path:
    """A folder for root directories of one kind, kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "roastwatch-tests" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def inside(root: Path, *words: str, binds: Mapping[Path, str] | None = None) -> list[str]:
    """The command line that runs `words` in the foreground inside `root`, with /proc and /dev.

    `binds` maps folders outside to existing absolute folders inside.
    """
    lines = "".join(f"{outside}:{within}\n" for outside, within in (binds or {}).items())
    return [*NAMESPACE, "env", f"BINDS={lines}", "sh", "-c", _ENTER, str(root), *words]


def environment() -> dict[str, str]:
    """The environment of programs inside: how to reach the network, and nothing else of ours."""
    proxies = ("http_proxy", "https_proxy", "no_proxy")
    kept = {name: value for name, value in os.environ.items() if name.lower() in proxies}
    usual = {
        "PATH": "/srv/bin:" + PATH,
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "SSL_CERT_FILE": CERTIFICATES,
        "PIP_CERT": CERTIFICATES,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return kept | usual | _package_index()


def _package_index() -> dict[str, str]:
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
    return next((uri for uri in listed if uri.rstrip("/").endswith("/debian")), DEBIAN)


def apt_proxy() -> str | None:
    """The proxy in apt's own settings, which debootstrap does not read."""
    asked = ["apt-config", "shell", "PROXY", "Acquire::http::Proxy"]
    printed = subprocess.run(asked, capture_output=True, text=True).stdout
    value = printed.partition("=")[2].strip().strip("'\"")
    return value if value and value != "DIRECT" else None


def log(line: str) -> None:
    """Print a line on standard error at once."""
    print(line, file=sys.stderr, flush=True)


def run(words: Sequence[str], env: Mapping[str, str] | None = None, attempts: int = 1) -> str:
    """Run a command and return what it printed. Registries and mirrors may need a second attempt.

    Raises:
        CannotBuildError: each attempt failed.
    """
    for attempt in range(1, attempts + 1):
        done = subprocess.run(words, capture_output=True, text=True, env=env)
        if done.returncode == 0:
            return done.stdout
        printed = (done.stdout[-1500:] + done.stderr[-1500:]).strip()
        error = f"{' '.join(words)[:120]} ended with {done.returncode}:\n{printed}"
        if attempt < attempts:
            log(f"trying again: {error}")
            time.sleep(5 * attempt)
    raise CannotBuildError(error)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Let one process build in a folder; another one waits for it."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def debootstrap(
    target: Path, suite: str, packages: Sequence[str] = (), attempts: int = 3, arch: str = ""
) -> None:
    """Make a minimal Debian with `packages` in `target`, whose network works as this machine's.

    `arch` is another architecture, which this machine emulates; empty: its own.

    Raises:
        CannotBuildError: the mirror can't be reached or a package is missing.
    """
    words = ["debootstrap", "--variant=minbase", f"--cache-dir={cache_folder('debs')}"]
    words += [f"--include={','.join(packages)}"] if packages else []
    words += [f"--arch={arch}"] if arch else []
    # Older debootstraps have no script of a newer suite's name; sid's is right for all of them.
    words += [suite, str(target), _mirror(), "sid"]
    proxy = apt_proxy()
    for attempt in range(attempts):
        shutil.rmtree(target, ignore_errors=True)
        try:
            run([*NAMESPACE, *words], dict(os.environ) | ({"http_proxy": proxy} if proxy else {}))
            break
        except CannotBuildError:
            if attempt == attempts - 1:
                raise
            time.sleep(5)
    for name in ("/etc/resolv.conf", "/etc/hosts", CERTIFICATES):
        place = target / name[1:]
        if Path(name).exists() and place.parent.is_dir():
            place.unlink(missing_ok=True)
            shutil.copyfile(name, place)


def remove_unused(folder: Path, pattern: str, keep: Path) -> None:
    """Remove cached root directories of other recipes that nobody used for two weeks."""
    for other in folder.glob(pattern):
        if other != keep and time.time() - other.stat().st_mtime > 14 * DAY_S:
            shutil.rmtree(other, ignore_errors=True)
