"""Nothing goes out that the settings did not name, seen from outside by strace."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000
SWITCHES = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
# Where one of these is set, libraries take the machine for one that tests and keep still.
_QUIET = (
    "CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS", "APPVEYOR",
    "BUILDKITE", "CODEBUILD_BUILD_ID", "JENKINS_URL", "TEAMCITY_VERSION", "SYSTEM_TEAMPROJECT",
    "ORT_RUNNING_UNIT_TESTS", "DISABLE_TELEMETRY", "DISABLE_SAFETENSORS_CONVERSION", *SWITCHES,
)  # fmt: skip
_ADDRESS = re.compile(
    r"sin6?_port=htons\((\d+)\).*?(?:inet_addr\(\"|inet_pton\(AF_INET6, \")([^\"]+)\""
)

Observed = Callable[..., set[tuple[str, int]]]


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    """Runs Python under strace with an empty HOME; answers with every address it turned to."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (apt-get install strace)")
    if subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("this machine forbids strace (a container needs CAP_SYS_PTRACE)")
    home = tmp_path / "home"
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if name not in _QUIET}
    env = {name: value for name, value in env.items() if not name.startswith("XDG_")}
    env |= {"HOME": str(home), "PYTHONPATH": str(ROOT)}

    def run(*words: object, exits: int = 0) -> set[tuple[str, int]]:
        calls = tmp_path / "calls"
        done = subprocess.run(
            [strace, "-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(calls),
             sys.executable, *map(str, words)],
            cwd=tmp_path, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=240,
        )  # fmt: skip
        assert done.returncode == exits, done.stdout + done.stderr
        for left in (home / ".cache" / "Microsoft", home / "intel"):
            assert not left.exists(), f"{left} was written"
        lines = calls.read_text(errors="replace").splitlines()
        assert lines[-1].endswith("+++")  # it saw the end
        return {(host, int(port)) for line in lines for port, host in _ADDRESS.findall(line)}

    return run


def record(path: Path, seconds: float = 40.0) -> Path:
    """Noise, and clicks in its second half."""
    rng = np.random.default_rng(5)
    sound = rng.normal(0, 0.003, round(seconds * RATE_HZ))
    for at_s in rng.uniform(seconds / 2, seconds - 1, round(0.6 * seconds)):
        at = round(at_s * RATE_HZ)
        sound[at : at + 40] += rng.normal(0, 0.3, 40) * np.exp(-np.arange(40) / 10)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, RATE_HZ)
    return path


def test_the_observer_sees_connections_and_names(observed: Observed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        assert observed("-c", connect) == {("127.0.0.1", port)}
    asks = "import socket, contextlib\nwith contextlib.suppress(OSError):\n"
    found = observed("-c", asks + "    socket.getaddrinfo('roastwatch.invalid', 80)")
    assert any(port == 53 for _, port in found)


def test_run_contacts_only_the_broker_of_its_settings(observed: Observed, tmp_path: Path) -> None:
    record(tmp_path / "roast.wav")
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        (tmp_path / "roastwatch.yaml").write_text(
            f"data_dir: {tmp_path}/data\n"
            "stations:\n"
            "  - name: kitchen\n"
            f"    source: {{type: file, path: {tmp_path}/roast.wav, speed: 8}}\n"
            "    roast: {begins: sound}\n"
            "sinks:\n"
            f"  - {{type: mqtt, host: 127.0.0.1, port: {port}}}\n"
        )
        assert observed("-m", "roastwatch", "run", "--settings", "roastwatch.yaml") == {
            ("127.0.0.1", port)
        }


def test_demo_contacts_nobody(observed: Observed) -> None:
    assert observed("-m", "roastwatch", "demo", "--speed", "0") == set()


def test_analyze_contacts_nobody_alone_or_with_workers(observed: Observed, tmp_path: Path) -> None:
    path = record(tmp_path / "recordings" / "roast.wav")
    assert observed("-m", "roastwatch", "analyze", path) == set()
    assert observed("-m", "roastwatch", "analyze", path.parent, "--workers", 2) == set()


def test_learn_contacts_nobody(observed: Observed, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "roasts" / "kitchen"
    marks = [f"--mark={record(folder / f'{name}.flac')}=20" for name in ("a", "b", "c")]
    assert observed("-m", "roastwatch", "learn", tmp_path / "own", *marks) == set()


@pytest.mark.parametrize("library", ["onnxruntime", "openvino", "transformers", "apprise"])
def test_a_library_behind_roastwatch_contacts_nobody(observed: Observed, library: str) -> None:
    pytest.importorskip(library)
    assert observed("-c", f"import roastwatch, {library}, time; time.sleep(1)") == set()


def test_home_assistant_is_contacted_but_not_its_issuer() -> None:
    pytest.importorskip("homeassistant_api")
    from roastwatch.sinks.home_assistant import link as home_assistant_link

    assert home_assistant_link._session()._revocation_configuration is None


@pytest.mark.parametrize(
    "path",
    [
        "Dockerfile",
        "integrations/systemd/roastwatch.service",
        "integrations/systemd/roastwatch-guardian@.service",
    ],
)
def test_every_way_to_start_disables_telemetry(path: str) -> None:
    text = (ROOT / path).read_text()
    assert all(f"{name}=1" in text for name in SWITCHES)
