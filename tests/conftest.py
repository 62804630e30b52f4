"""What every test may use."""

import gc
import os
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support import passes

ROOT = Path(__file__).resolve().parent.parent

# Below tests/: modules that import a library of an extra at their top.
NEEDS = {
    "unit/test_learn_exit.py": "onnx",
    "process/test_mcp.py": "mcp",
    "process/test_training": "torch",
    "windowed/": "torch",
}


class Skipped(pytest.Module):
    """A module whose library is missing."""

    def collect(self) -> NoReturn:
        pytest.skip(f"{_missing(self.path)} is not installed", allow_module_level=True)


def _missing(path: Path) -> str | None:
    below = str(path.relative_to(ROOT / "tests"))
    needed = (library for place, library in NEEDS.items() if below.startswith(place))
    return next((library for library in needed if find_spec(library) is None), None)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    return Skipped.from_parent(parent, path=module_path) if _missing(module_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(passes.ALONE):
            item.add_marker("alone")
        elif item.nodeid.startswith(passes.WAITING):
            item.add_marker("waiting")
    items.sort(key=lambda item: passes.order(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out tests by `passes.unit`: loadgroup of xdist 3.8 does not work in pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return passes.unit(nodeid)

    return Units(config, log)


def _counts_time(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("alone", "waiting"))


@pytest.fixture(autouse=True)
def _untraced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs whose time counts are started without the measurement of coverage."""
    if _counts_time(request.node):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """A connection that is left open fails the test that left it, and not the whole run."""
    yield
    if _counts_time(item):
        gc.collect()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and logs, which is not part of the project."""
    folder = Path(os.environ.get("ROASTWATCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real recordings: {folder / 'data'} is absent (set ROASTWATCH_SHARED)")
    return folder


@pytest.fixture
def socket_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this process's own guardians listen: its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="rw") as name:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", name)
        yield Path(name)
