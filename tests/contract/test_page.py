"""The page: built once, complete in every archive, and nothing in it leads to another site."""

import importlib.util
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "roastwatch" / "web" / "page"
built = pytest.mark.skipif(
    not (PAGE / "index.html").exists(), reason="the page is not built (python3 web/build.py)"
)


def build_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_build", ROOT / "web" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lock_file_names_no_registry_and_every_package_has_a_hash() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if "integrity" not in one] == []


@built
def test_every_text_file_of_the_page_is_packed_and_named_relatively() -> None:
    index = (PAGE / "index.html").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', index)
    assert len(addresses) >= 5
    for address in addresses:
        assert address.startswith("./")
        assert (PAGE / address).is_file()
    for path in PAGE.rglob("*"):
        if path.suffix in {".js", ".css", ".html"}:
            assert path.with_name(path.name + ".br").is_file()
            assert path.with_name(path.name + ".gz").is_file()


@built
def test_nothing_in_the_page_is_fetched_from_another_site() -> None:
    # Svelte names the pages of its errors, and the namespaces of XML are no addresses.
    allowed = re.compile(r"https?://(www\.w3\.org/|svelte\.dev/e/)")
    for path in PAGE.rglob("*"):
        if path.suffix in {".js", ".css", ".html", ".svg", ".webmanifest"}:
            found = re.findall(r"(?:https?|wss?)://[a-z0-9][^\s\"'`)]*", path.read_text())
            assert [one for one in found if not allowed.match(one)] == [], path


@built
def test_the_source_archive_holds_the_page_and_its_sources(tmp_path: Path) -> None:
    """So a wheel is built from it without Node and without a registry."""
    code = (
        "import sys\nfrom hatchling.builders.sdist import SdistBuilder\n"
        f"print(*SdistBuilder({str(ROOT)!r}).build(directory=sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    with tarfile.open(done.stdout.split()[-1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert "roastwatch/web/page/index.html" in names
    assert not [name for name in names if "node_modules" in name]
    (unpacked,) = (one for one in tmp_path.iterdir() if one.is_dir())
    script = unpacked / "web" / "build.py"
    code = f"import sys; sys.path.insert(0, {str(script.parent)!r}); import build\n"
    current = subprocess.run(
        [sys.executable, "-c", code + "print(build.is_current())"], capture_output=True, text=True
    )
    assert current.stdout.strip() == "True", current.stderr


def test_a_changed_source_makes_the_page_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = build_script()
    sources, page = tmp_path / "web", tmp_path / "page"
    (sources / "src").mkdir(parents=True)
    (sources / "src" / "App.svelte").write_text("<h1>one</h1>")
    monkeypatch.setattr(script, "SOURCES", sources)
    monkeypatch.setattr(script, "PAGE", page)
    assert not script.is_current()
    page.mkdir()
    (page / "sources.sha256").write_text(script.sources_hash() + "\n")
    assert script.is_current()
    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "left.js").write_text("x")
    assert script.is_current()
    (sources / "src" / "App.svelte").write_text("<h1>two</h1>")
    assert not script.is_current()
