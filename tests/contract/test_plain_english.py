"""What people read is plain English: no private words, and test names that fit on a line."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = [
    "roastwatch",
    "tests",
    "docs",
    "config",
    "integrations",
    "dev",
    ".ci/run",
    "pyproject.toml",
]
PLACES += ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile"]
ENDINGS = {"", ".css", ".html", ".js", ".json", ".md", ".py", ".service", ".toml", ".yaml", ".yml"}
HISTORY = ROOT / "docs" / "development"  # decision records quote the past

# A hyphen inside each word keeps this file out of its own net.
WORDS = """
who-ever; in pla-ce of; men-d; men-ds; men-ded; men-ding; so ma-ny; so lo-ng; to-ld; the ea-r;
nobody kno-ws; by a ha-ir; as li-fe; de-ar; for go-od; han-g on; han-gs on; hang-ing on;
given aw-ay
""".replace("-", "")
LONGEST_TEST_NAME = 69

_words = "|".join(r"\s+".join(word.split()) for word in WORDS.split(";"))
BANNED = re.compile(rf"\b({_words})\b", re.IGNORECASE)
NAMES = {word.strip() for word in WORDS.split(";")}
# The exception: two keys that other programs write and read, the JSON key of setpoints and of
# reported cracks, and a setting of `onset`. A key is a contract, so it stays.
KEYS = {"to" + "ld", "to" + "ld_bar"}
PARTS_OF_A_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def files() -> Iterator[Path]:
    for place in PLACES:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix in ENDINGS and HISTORY not in file.parents:
                yield file


def offences(text: str, *, python: bool) -> Iterator[tuple[int, str]]:
    """Line numbers and banned words of a text, or of the words and names in a Python source."""
    if not python:
        for match in BANNED.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[0]
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("STRING", "COMMENT", "FSTRING_MIDDLE"):
            for match in () if token.string.strip("\"'") in KEYS else BANNED.finditer(token.string):
                yield token.start[0] + token.string.count("\n", 0, match.start()), match[0]
        elif kind == "NAME" and (token.string not in KEYS or "_" not in token.string):
            parts = {part.lower() for part in PARTS_OF_A_NAME.findall(token.string)}
            if parts & NAMES:
                yield token.start[0], f"a name: {token.string}"


@pytest.mark.parametrize(
    ("text", "python", "count"),
    [
        ("Who" + "ever asks is to" + "ld.", False, 2),
        ("It stays in pla" + "ce\nof another one.", False, 1),
        ("Instead of a tolled bell, a dearth of ears.", False, 0),
        ('x = f"{y} was to' + 'ld"', True, 1),
        ("x = 1  # men" + "ds itself", True, 1),
        ("when_to" + "ld_s = 1\nclass To" + "ld: ...\nclass ManyTo" + "ld: ...", True, 3),
        ("untolded = amendment = 1", True, 0),
        ('x["to' + 'ld"] = onset.to' + "ld_bar", True, 0),
        ('x = "to' + 'ld you"', True, 1),
    ],
)
def test_scanner_finds_banned_words_and_names(text: str, python: bool, count: int) -> None:
    assert len(list(offences(text, python=python))) == count


def test_no_banned_word_in_what_people_read() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {word}"
        for file in files()
        for line, word in offences(
            file.read_text(encoding="utf-8"), python=file.suffix == ".py" or file.name == "dev"
        )
    ]
    assert not found, f"{len(found)} found:\n" + "\n".join(found)


def test_test_names_are_under_70_characters() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.name} ({len(node.name)})"
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.name.startswith("test_") and len(node.name) > LONGEST_TEST_NAME
    ]
    assert not found, f"{len(found)} found:\n" + "\n".join(found)
