"""The Dockerfile's steps in clean Debian root directories, where no container engine runs.

A small reader of the Dockerfile carries out FROM (debootstrap), COPY, RUN, ENV, ARG, USER, WORKDIR
in order; then the image's own entry point and health check run in what came out.
"""

import json
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import debian_root

ROOT = Path(__file__).resolve().parents[2]
SUITE = "trixie"


@dataclass
class Stage:
    """One FROM: a root directory and what was set in it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    workdir: str = "/"
    said: dict[str, str] = field(default_factory=dict)

    def inside(self, path: str) -> Path:
        return self.root / self.workdir.lstrip("/") / path

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.command(*words), capture_output=True, text=True, env=self._env())
        if check and done.returncode:
            pytest.fail(f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def command(self, *words: str) -> list[str]:
        inner = ["env", "-C", self.workdir, *words]
        if self.user != "root":
            who = [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
            inner = ["setpriv", *who, *inner]
        return debian_root.inside(self.root, *inner)

    def _env(self) -> dict[str, str]:
        usual = debian_root.environment() if self.user == "root" else {"LANG": "C.UTF-8"}
        usual["PATH"] = debian_root.PATH
        return usual | self.env

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*words),
            env=self._env(),
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
    cache = debian_root.cache_folder("debian") / SUITE
    if not cache.exists():
        partial = cache.with_name(f"{SUITE}.partial")
        try:
            debian_root.debootstrap(partial, SUITE, attempts=1)
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


def built(folder: Path) -> Stage:
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for number, (name, rest) in enumerate(instructions()):
        match name:
            case "FROM":
                title = rest.partition(" AS ")[2] or "final"
                stage = stages[title] = Stage(folder / title)
                debian(stage.root)
                bundle = Path("/etc/ssl/certs/ca-certificates.crt")
            case "ARG":
                key, _, value = rest.partition("=")
                stage.env.setdefault(key, value)
            case "ENV":
                for pair in shlex.split(rest):
                    key, _, value = pair.partition("=")
                    stage.env[key] = value
            case "RUN":
                stage.run("sh", "-c", rest)
                if bundle.exists() and (stage.root / "etc/ssl/certs").is_dir():
                    shutil.copyfile(bundle, stage.root / "etc/ssl/certs/ca-certificates.crt")
            case "COPY":
                copy(stage, rest, stages)
            case "WORKDIR":
                stage.workdir = rest
                (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = rest
            case "ENTRYPOINT" | "CMD" | "HEALTHCHECK":
                stage.said[name] = rest
            case "VOLUME":
                pass
            case _:
                pytest.fail(f"step {number}: {name} is not known to this test")
    return stages["final"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    reason = debian_root.why_not()
    if reason:
        pytest.skip(f"no root directory can be made: {reason}")
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    yield built(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.verify
@pytest.mark.timeout(1800)
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
        for _ in range(120):
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
    cache = debian_root.cache_folder("debian") / SUITE
    assert not list((image.root / "var/cache/apt/archives").glob("*.deb"))
    whole, base = size_mb(image.root), size_mb(cache)
    print(f"\nfiles in the image: {whole:.0f} MB, {whole - base:.0f} MB above Debian's")
    assert whole - base < 220


def size_mb(folder: Path) -> float:
    """What its files take, without the packages that apt keeps."""
    size = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".deb":
            size += path.lstat().st_size
    return size / 1e6
