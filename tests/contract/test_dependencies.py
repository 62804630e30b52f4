"""Every import is declared, every private attribute of a library pinned, the wheel complete."""

import ast
import asyncio
import importlib
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "roastwatch"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LEFT_OUT = ("roastwatch/training/", "roastwatch/roaster/simulation/fit.py")
"""What the wheel leaves out; it may import the development dependencies too."""
NOT_IMPORTED = {
    "tensorboard": "torch.utils.tensorboard imports it",
    "tzdata": "zoneinfo reads it",
}

PRIVATE = {
    "aiomqtt": {
        "_client",
        "_client_connect",
        "_connected",
        "_disconnected",
        "_loop",
        "_on_connect",
        "_on_disconnect",
        "_on_socket_register_write",
        "_pending_publishes",
        "_wait_for",
    },
    "homeassistant-api": {"_ping_responses"},
    "sounddevice": {"_initialize", "_terminate"},
}
"""What is used of a library below its public interface."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> dict[str, Requirement]:
    """The requirements of the core and all extras by normalised name, our own extras left out."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    found = [Requirement(text) for text in texts]
    return {normalised(one.name): one for one in found if one.name != "roastwatch"}


def development() -> set[str]:
    """Names in the group `dev`, and in the groups that it includes."""
    groups = PROJECT["dependency-groups"]
    included = [groups[one["include-group"]] for one in groups["dev"] if isinstance(one, dict)]
    texts = [one for group in (groups["dev"], *included) for one in group if isinstance(one, str)]
    return {normalised(Requirement(text).name) for text in texts}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    """The full names that a file imports, by statement or by `importlib` with a constant name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module
            case ast.Call(
                func=ast.Attribute(attr="import_module" | "find_spec"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module


def third_party(tree: ast.Module) -> set[str]:
    top = {name.partition(".")[0] for name in imported(tree)}
    return top - set(sys.stdlib_module_names) - {"roastwatch"}


def test_every_import_is_a_declared_dependency() -> None:
    known, of = set(declared()), metadata.packages_distributions()
    undeclared = []
    for path, tree in trees():
        allowed = known | development() if path.startswith(LEFT_OUT) else known
        for module in third_party(tree):
            distributions = {normalised(name) for name in of.get(module, [module])}
            if not distributions & allowed:
                undeclared.append(f"{path} imports {module} of {distributions}")
    assert not undeclared


def test_every_declared_dependency_is_imported() -> None:
    of = metadata.packages_distributions()
    modules = set().union(*(third_party(tree) for _, tree in trees()))
    used = {normalised(name) for module in modules for name in of.get(module, [module])}
    assert set(declared()) - used == set(NOT_IMPORTED)


def test_no_private_module_of_a_library_is_imported() -> None:
    private = [
        f"{path}: {name}"
        for path, tree in trees()
        for name in imported(tree)
        if any(part.startswith("_") and part != "__future__" for part in name.split("."))
    ]
    assert not private


def foreign_private_attributes() -> set[str]:
    """Names with one leading underscore that are read from an object that is not of our classes.

    An attribute is ours if its class, one of the bases that we wrote, or (for an object that is
    not `self`) any class in the same file defines or assigns it.
    """
    classes: dict[str, tuple[set[str], list[str]]] = {}
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                defined, bases = classes.setdefault(node.name, (set(), []))
                defined |= _defined(node)
                bases += [_class_name(base) for base in node.bases]
    foreign = set()
    for _, tree in trees():
        in_file = _defined(tree)
        owners = {
            id(inside): node
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for inside in ast.walk(node)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or not re.match("_[^_]", node.attr):
                continue
            owner = owners.get(id(node))
            match node.value:
                case ast.Name(id="self" | "cls") if owner is not None:
                    ours = _all_defined(owner.name, classes)
                case ast.Call(func=ast.Name(id="super")) if owner is not None:
                    bases = classes[owner.name][1]
                    ours = set().union(*(_all_defined(base, classes) for base in bases))
                case _:
                    ours = in_file
            if node.attr not in ours:
                foreign.add(node.attr)
    return foreign


def _defined(tree: ast.AST) -> set[str]:
    """Names of functions, class attributes and assigned attributes in a class or file."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
    return names


def _class_name(base: ast.expr) -> str:
    """The name of a base such as `Base` or `Base[T]`; of `library.Base` the whole."""
    return ast.unparse(base.value if isinstance(base, ast.Subscript) else base)


def _all_defined(name: str, classes: dict[str, tuple[set[str], list[str]]]) -> set[str]:
    own, bases = classes.get(name, (set(), []))
    return own.union(*(_all_defined(base, classes) for base in bases if base != name))


def test_every_private_attribute_of_a_library_is_listed() -> None:
    assert foreign_private_attributes() == set().union(*PRIVATE.values())


@pytest.mark.parametrize("library", PRIVATE)
def test_a_library_used_below_its_interface_is_pinned_to_one_minor(library: str) -> None:
    specifier = declared()[library].specifier
    here = Version(metadata.version(library))
    assert here in specifier
    assert Version(f"{here.major}.{here.minor + 1}") not in specifier
    assert Version(f"{here.major + 1}.0") not in specifier


async def test_private_attributes_exist_in_aiomqtt() -> None:
    import aiomqtt

    client = aiomqtt.Client("localhost")
    assert [name for name in PRIVATE["aiomqtt"] if not hasattr(client, name)] == []
    assert isinstance(client._connected, asyncio.Future)
    assert isinstance(client._disconnected, asyncio.Future)
    assert client._pending_publishes == {}


def test_private_attributes_exist_in_homeassistant_api() -> None:
    from homeassistant_api import AsyncWebsocketClient

    socket = AsyncWebsocketClient("ws://localhost:9/api/websocket", "token")
    assert socket._ping_responses == {}


def test_private_attributes_exist_in_sounddevice() -> None:
    spec = importlib.util.find_spec("sounddevice")  # importing it needs PortAudio
    assert spec is not None
    assert spec.origin is not None
    names = _defined(ast.parse(Path(spec.origin).read_text()))
    assert PRIVATE["sounddevice"] <= names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip install roastwatch` gets, unpacked."""
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def run(wheel: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env={"PYTHONPATH": str(wheel), "PATH": "", "HOME": str(wheel)},
        cwd=wheel,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_wheel_has_everything_but_the_training_code(wheel: Path) -> None:
    files = (p for p in PACKAGE.rglob("*") if p.is_file() and p.parent.name != "__pycache__")
    there = {p.relative_to(ROOT).as_posix() for p in files}
    expected = {path for path in there if not path.startswith(LEFT_OUT)}
    packed = {p.relative_to(wheel).as_posix() for p in wheel.rglob("*") if p.is_file()}
    assert not expected - packed
    assert not [path for path in packed if path.startswith(LEFT_OUT)]
    assert "roastwatch/py.typed" in packed
    assert "roastwatch/roaster/guardian/machines/hottop.yaml" in packed
    assert not [p for p in packed if not re.match(r"roastwatch(/|-[\d.]+\.dist-info/)", p)]


def not_installed() -> set[str]:
    """Libraries of extras that this Python lacks; the oldest Python has all of them."""
    wanted = set().union(*(third_party(tree) for _, tree in trees())) & set(declared())
    return {name for name in wanted if importlib.util.find_spec(name) is None}


def test_every_module_of_the_wheel_imports_without_the_rest(wheel: Path) -> None:
    code = (
        "import importlib, pkgutil, sys, roastwatch\n"
        "names = [m.name for m in pkgutil.walk_packages(roastwatch.__path__, 'roastwatch.')]\n"
        "for name in names:\n"
        "    try:\n"
        "        name.endswith('__main__') or importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error:\n"
        "        if error.name not in sys.argv[1:]:\n"
        "            raise\n"
        "print(roastwatch.__file__, len(names))"
    )
    done = run(wheel, "-c", code, *not_installed())
    assert done.returncode == 0, done.stderr
    file, count = done.stdout.split()
    assert Path(file).is_relative_to(wheel)
    assert int(count) > 200


@pytest.mark.parametrize(
    "command",
    [
        ("train", "--config", "plan.yaml"),
        ("export", "--run", "runs/pops"),
        ("package", "--model", "./ast"),
        ("data", "synth", "--out", "synth", "--negatives", "esc"),
    ],
)
def test_training_from_the_wheel_says_to_use_a_checkout(
    wheel: Path, command: tuple[str, ...]
) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('torch', 'onnx', 'transformers')))  # not installed\n"
        "from roastwatch.cli import main\n"
        "main(sys.argv[1:])"
    )
    done = run(wheel, "-c", code, *command)
    assert done.returncode == 2
    assert "needs a checkout of roastwatch" in done.stderr
    assert done.stderr.count("\n") == 1
