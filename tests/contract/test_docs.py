"""The documentation says what the code does, and names only what exists."""

import re
from pathlib import Path

import click
import pytest

from roastwatch.cli import COMMANDS, cli
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.roaster.plans.plan import Plan
from tools import demo_picture, reference, site

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
PAGES = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
# A path in backticks that begins with one of the repository's folders.
_PATH = re.compile(r"`((?:roastwatch|tests|config|integrations|docs|tools)/[\w./@-]+)`")
_EXAMPLE = re.compile(r"\bmine\b|_mine\b")
_SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_generated_pages_equal_the_code() -> None:
    """Write them again with `python -m tools.reference`."""
    assert reference.stale() == []


@pytest.mark.parametrize("indent", ["", "    "], ids=["Python 3.13 and newer", "older"])
def test_commands_and_tables_in_help_become_blocks(indent: str) -> None:
    lines = [
        "Do it.",
        "",
        "\b",
        "quick   seconds",
        "full    minutes",
        "",
        "\b",
        "Examples:",
        "  roastwatch it",
        "  roastwatch it --now",
        "",
        "\b",
        "One: roastwatch it",
    ]
    assert reference.markdown_of("\n".join(indent + line for line in lines).strip()) == [
        "Do it.",
        "```text\nquick   seconds\nfull    minutes\n```",
        "Examples:",
        "```sh\nroastwatch it\nroastwatch it --now\n```",
        "One:",
        "```sh\nroastwatch it\n```",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_links_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [path for path in _PATH.findall(text) if not _EXAMPLE.search(path)]
    missing = [path for path in named if not (ROOT / path).exists()]
    links = [link for link in _LINK.findall(text) if not link.startswith(("http", "mailto"))]
    missing += [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_pages_that_the_code_names_exist() -> None:
    for file in (ROOT / "roastwatch").rglob("*.py"):
        for page in re.findall(r"\bdocs/[a-z/-]+\.md", file.read_text(encoding="utf-8")):
            assert (ROOT / page).is_file(), f"{file}: {page}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    for block in _SHELL.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for words in re.findall(r"(?:^|\| |-m )roastwatch ((?:[^#|]|#\S)*)", line):
                check_command(words.split())


def check_command(words: list[str]) -> None:
    """Whether a command line names a command, its sub-command and known options."""
    if words[0].startswith("-") or words[0] == "COMMAND":
        return
    assert words[0] in COMMANDS, f"no command {words[0]}"
    command = cli.get_command(reference.context(), words[0])
    assert command is not None
    known = options_of(command)
    if isinstance(command, click.Group):
        context = click.Context(command)
        below = next((word for word in words[1:] if word in command.list_commands(context)), None)
        assert below is not None, f"{' '.join(words)}: no such sub-command"
        known |= options_of(command.get_command(context, below))
    unknown = {word for word in words if word.startswith("--")} - known
    assert not unknown, f"{' '.join(words)}: {unknown}"


def options_of(command: click.Command | None) -> set[str]:
    parameters = command.params if command else []
    return {option for one in parameters for option in (*one.opts, *one.secondary_opts)}


def test_plans_of_the_pages_can_be_read() -> None:
    read = 0
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            raw = parse_yaml(block)
            if isinstance(raw, dict) and "steps" in raw:
                Plan.model_validate(raw)
                read += 1
    assert read


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<a href="other.html">', "no such page"),
        ('<a href="#nowhere">', "no anchor #nowhere"),
        ('<a href="page.html#nowhere">', "no anchor #nowhere"),
        ('<img src="gone.png">', "no such page"),
        ('<script src="https://cdn.example/x.js">', "from elsewhere"),
        ('<link rel="preconnect" href="https://fonts.example">', "from elsewhere"),
    ],
)
def test_site_check_reports_a_bad_page(tmp_path: Path, html: str, said: str) -> None:
    (tmp_path / "page.html").write_text("<h1 id='here'></h1><a href='#here'>")
    assert list(site.problems(tmp_path)) == []
    (tmp_path / "page.html").write_text(html)
    assert any(said in problem for problem in site.problems(tmp_path))


@pytest.mark.parametrize("name", ["a.css", "a.svg"])
def test_site_check_reports_a_style_that_loads_from_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "page.html").write_text("<h1>")
    (tmp_path / name).write_text("@font-face {src: url('https://fonts.example/a.woff2')}")
    assert list(site.problems(tmp_path)) == [f"{name}: loads something from elsewhere"]


def test_site_check_refuses_an_empty_folder(tmp_path: Path) -> None:
    assert any("no pages" in problem for problem in site.problems(tmp_path))


ONE_FILE = (
    "apprise",
    "av",
    "distributed",
    "homeassistant_api",
    "mcp",
    "openvino",
    "pymodbus",
    "serialx",
    "sounddevice",
    "usb",
    "wyoming",
    "zeroconf",
)


@pytest.mark.parametrize("library", ONE_FILE)
def test_library_that_speaks_to_the_outside_is_imported_by_one_file(library: str) -> None:
    """ARCHITECTURE.md, house rule 11."""
    line = re.compile(rf"^\s*(?:import|from) {library}(?:\.|\s)", re.MULTILINE)
    files = [file for file in (ROOT / "roastwatch").rglob("*.py") if line.search(file.read_text())]
    assert len(files) == 1, files


def test_readme_and_decision_records_are_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 80
    for record in (ROOT / "docs" / "development" / "decisions").glob("*.md"):
        assert len(record.read_text().splitlines()) < 40, record
        for part in ("**Context.**", "**Decision.**", "**Consequence.**"):
            assert part in record.read_text(), f"{record}: {part}"


def test_demo_picture_shows_what_stands_at_the_end() -> None:
    written = "one\r\n\x1b[1mold\x1b[0m\r\n\x1b[1A\x1b[2Ktwo\r\x1b[2K\x1b[1mnew\x1b[0m"
    assert demo_picture.screen(written)[:2] == ["one", "\x1b[1mnew\x1b[0m"]
