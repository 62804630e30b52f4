"""The Dockerfile's steps in clean Debian root directories, where no container engine runs.

A small reader of the Dockerfile carries out FROM (debootstrap), COPY, RUN, ENV, ARG, USER, WORKDIR
in order; then the image's own entry point and health check run in what came out.

ROASTWATCH_TEST_ARCH=arm64 builds for the other architecture, by emulation (qemu-user-static and
binfmt-support; hours on a small machine).
"""

import asyncio
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import pytest

from roastwatch.web.ingress import GATEWAY
from tests.fakes.supervisor import TOKEN, supervising
from tests.support import debian_root
from tests.support.mosquitto import free_port
from tests.support.until import until

ROOT = Path(__file__).resolve().parents[2]
SUITE = "trixie"
ARCH = os.environ.get("ROASTWATCH_TEST_ARCH", "")
CACHE = f"{SUITE}-{ARCH}" if ARCH else SUITE
NOT_SLIM = (
    *(f"usr/share/{name}/" for name in ("doc", "info", "lintian", "locale", "man")),
    *("var/lib/apt/lists/", "var/cache/apt/"),
)
LARGEST_MB = 350
"""Of the image, Debian and the page included."""


@dataclass
class Stage:
    """One FROM: a root directory and what was set in it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    workdir: str = "/"
    said: dict[str, str] = field(default_factory=dict)
    final: bool = False
    """Its root directory is another stage's too: a step that changes files would change both."""

    def inside(self, path: str) -> Path:
        return self.root / self.workdir.lstrip("/") / path

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, env=self.environment()
        )
        if check and done.returncode:
            pytest.fail(f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def command(self, *words: str) -> list[str]:
        inner = ["env", "-C", self.workdir, *words]
        if self.user != "root":
            who = [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
            inner = ["setpriv", *who, *inner]
        return debian_root.inside(self.root, *inner)

    def environment(self) -> dict[str, str]:
        usual = debian_root.environment() if self.user == "root" else {"LANG": "C.UTF-8"}
        usual["PATH"] = debian_root.PATH
        return usual | self.env

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def debian(target: Path) -> None:
    """A minimal Debian, made once on a machine and copied."""
    cache = debian_root.cache_folder("debian") / CACHE
    if not cache.exists():
        partial = cache.with_name(f"{CACHE}.partial")
        try:
            debian_root.debootstrap(partial, SUITE, attempts=1, arch=ARCH)
        except debian_root.CannotBuildError as error:
            pytest.skip(f"Debian {SUITE} can't be made here: {error}")
        partial.rename(cache)
    subprocess.run(["cp", "-a", str(cache), str(target)], check=True)
    proxy = debian_root.apt_proxy()
    if proxy:
        (target / "etc/apt/apt.conf.d/proxy").write_text(f'Acquire::http::Proxy "{proxy}";\n')


def copy(stage: Stage, rest: str, stages: dict[str, Stage]) -> None:
    """As Docker: of a folder its contents, links as links."""
    words = shlex.split(rest)
    base = ROOT
    if words[0].startswith("--from="):
        base = stages[words.pop(0).removeprefix("--from=")].root
    *sources, target = words
    to = stage.root / target.lstrip("/") if target[0] == "/" else stage.inside(target)
    for source in sources:
        found = base / source.lstrip("/")
        into = to if found.is_dir() or target.endswith("/") or target == "./" else to.parent
        into.mkdir(parents=True, exist_ok=True)
        what = f"{found}/." if found.is_dir() else str(found)
        subprocess.run(["cp", "-a", "--no-preserve=ownership", what, str(to)], check=True)


def built(folder: Path) -> dict[str, Stage]:
    """Every stage by its name."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for number, (name, rest) in enumerate(instructions()):
        match name:
            case "FROM":
                base, _, title = rest.partition(" AS ")
                if base in stages:
                    of = stages[base]
                    stage = replace(of, env=dict(of.env), said=dict(of.said), final=True)
                else:
                    stage = Stage(folder / title)
                    debian(stage.root)
                stages[title] = stage
                bundle = Path("/etc/ssl/certs/ca-certificates.crt")
            case "ARG":
                key, _, value = rest.partition("=")
                stage.env.setdefault(key, value)
            case "ENV":
                for pair in shlex.split(rest):
                    key, _, value = pair.partition("=")
                    stage.env[key] = value
            case "RUN":
                assert not stage.final
                stage.run("sh", "-c", rest)
                if bundle.exists() and (stage.root / "etc/ssl/certs").is_dir():
                    shutil.copyfile(bundle, stage.root / "etc/ssl/certs/ca-certificates.crt")
            case "COPY":
                assert not stage.final
                copy(stage, rest, stages)
            case "WORKDIR":
                stage.workdir = rest
                (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = rest
            case "ENTRYPOINT" | "CMD" | "HEALTHCHECK":
                stage.said[name] = rest
            case "VOLUME" | "LABEL":
                pass
            case _:
                pytest.fail(f"step {number}: {name} is not known to this test")
    return stages


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    reason = debian_root.why_not()
    if reason:
        pytest.skip(f"no root directory can be made: {reason}")
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    yield built(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def image(images: dict[str, Stage]) -> Stage:
    return images["service"]


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_the_image_runs_as_nobody_special_and_is_healthy(image: Stage) -> None:
    entry = json.loads(image.said["ENTRYPOINT"])
    version = image.run(*entry, "--version").stdout
    assert version.startswith("roastwatch")
    assert image.run("id", "-un").stdout.strip() == "roastwatch"
    assert {"audio", "dialout"} <= set(image.run("id", "-Gn").stdout.split())
    assert "libasound_module_pcm_pulse.so" in "".join(
        path.name for path in (image.root / "usr/lib").rglob("*_pulse.so")
    )
    load = "from roastwatch.cli import model_choice; model_choice.load('pops').open(32000)"
    image.run("/opt/roastwatch/bin/python", "-c", load)
    devices = image.run(*entry, "devices", check=False)
    assert "Traceback" not in devices.stderr

    settings = "stations: [{source: {type: demo, speed: 1}}]\n"
    (image.root / "data/roastwatch.yaml").write_text(settings)
    check = image.said["HEALTHCHECK"].partition(" CMD ")[2]
    assert image.run("sh", "-c", check, check=False).returncode != 0, "healthy before it runs"
    running = image.start(*entry, *json.loads(image.said["CMD"]))
    try:
        healthy = False
        for _ in range(120 if not ARCH else 1200):
            if image.run("sh", "-c", check, check=False).returncode == 0:
                healthy = True
                break
            time.sleep(0.5)
        assert running.poll() is None
    finally:
        running.terminate()
        output = running.communicate(timeout=60)[0]
    assert healthy, output
    assert "Traceback" not in output

    heard = image.run(*entry, "demo", "--speed", "0", check=False)
    assert heard.returncode == 0, heard.stderr


@pytest.mark.verify
def test_the_image_is_small(image: Stage) -> None:
    cache = debian_root.cache_folder("debian") / CACHE
    assert not list((image.root / "var/cache/apt/archives").glob("*.deb"))
    assert list((image.root / "opt/roastwatch/lib").glob("*/site-packages/roastwatch/web/page/*"))
    whole, base = size_mb(image.root), size_mb(cache)
    print(f"\nfiles in the image: {whole:.0f} MB, {whole - base:.0f} MB above Debian's")
    assert whole < LARGEST_MB


@pytest.fixture
def supervisors_address() -> Iterator[str]:
    """The address from which the Supervisor connects, on this machine for a while."""
    taken = [port for port in (80, 8099) if listens(port)]
    if taken:
        pytest.skip(f"another program uses the ports {taken} of this machine")
    words = [f"{GATEWAY}/32", "dev", "lo"]
    if subprocess.run(["ip", "address", "add", *words]).returncode:
        pytest.skip("this machine can't have the Supervisor's address")
    yield GATEWAY
    subprocess.run(["ip", "address", "del", *words], check=True)


@pytest.mark.verify
@pytest.mark.timeout(900)
async def test_the_app_starts_as_root_and_runs_as_somebody_else(
    images: dict[str, Stage], supervisors_address: str
) -> None:
    """The Supervisor is at 127.0.0.1:80 and connects from its own address, on this machine."""
    app = images["app"]
    root = app.root
    with (root / "etc/hosts").open("a") as hosts:
        hosts.write("127.0.0.1 supervisor\n")
    (root / "config").mkdir()
    for path in (root / "data").iterdir():  # of an earlier test
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    os.chown(root / "data", 0, 0)
    options = {"instance": "kitchen", "people": "operator", "mqtt": True, "demo": True}
    (root / "data/options.json").write_text(json.dumps(options))
    (root / "data/options.json").chmod(0o600)
    app.env["SUPERVISOR_TOKEN"] = TOKEN
    words = app.command(*json.loads(app.said["ENTRYPOINT"]), *json.loads(app.said["CMD"]))
    async with (
        supervising(listens=80, address=supervisors_address) as supervisor,
        aiohttp.ClientSession() as session,
    ):
        supervisor.mqtt = {"host": "127.0.0.1", "port": str(free_port()), "username": "a"}
        supervisor.app = "http://127.0.0.1:8099"
        running = await asyncio.create_subprocess_exec(
            *words, env=app.environment(), stderr=asyncio.subprocess.PIPE
        )
        assert running.stderr is not None
        log = asyncio.create_task(running.stderr.read())
        try:
            page = f"{supervisor.url}{supervisor.prefix}/"
            await until(lambda: serves(session, f"{page}api/v1/me"), 300.0, 0.5)
            assert await serves(session, page)
            assert not await serves(session, f"{supervisor.app}/api/v1/me")
            assert len(supervisor.discovered) == 1
            services = users_of("-m", "roastwatch", "run", "/config/roastwatch.yaml")
            assert services
            assert set(services) == {1000}, services
        finally:
            running.terminate()
            await running.wait()
        said = (await log).decode()
    assert "Traceback" not in said, said
    given = ("data/options.json", "data/roasts.db", "data/secrets/integration.token")
    for name in (*given, "config", "config/roastwatch.yaml"):
        assert (root / name).stat().st_uid == 1000, name
    assert "language: de" in (root / "config/roastwatch.yaml").read_text()


async def serves(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def users_of(*words: str) -> list[int]:
    """The users of the processes with these words in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode().split("\0")
            if all(word in line for word in words):
                found.append(path.parent.stat().st_uid)
        except OSError:
            continue
    return found


def size_mb(folder: Path) -> float:
    """What its files take on Debian's slim image, which leaves out manuals and translations."""
    size = 0
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or path.suffix == ".deb":
            continue
        if path.name == "copyright" or not inside.startswith(NOT_SLIM):
            size += path.lstat().st_size
    return size / 1e6
