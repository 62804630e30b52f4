"""Draw docs/images/demo.svg, the README's picture: what `roastwatch demo` shows on a terminal.

python -m tools.demo_picture
"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.svg"
_WORDS = ("demo", "--seed", "1", "--speed", "30")
_COLUMNS = 96
_FONT = re.compile(r"@font-face\s*{[^}]*}\s*")  # Rich's comes from another site
_TOKENS = re.compile(r"\x1b\[(?P<n>\?|\d*)[\d;]*(?P<end>[A-Za-z])|\r\n|\n|\r|[^\x1b\r\n]+|\x1b")


def show(words: tuple[str, ...]) -> str:
    """What a command writes to a terminal of its own, to its end."""
    ours, theirs = pty.openpty()
    columns = str(_COLUMNS)
    known = os.environ | {"TERM": "xterm-256color", "COLUMNS": columns, "LINES": "40"}
    command = [sys.executable, "-m", "roastwatch", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=known):
        os.close(theirs)
        written = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux's way to say that the other side is closed
                break
            if not piece:
                break
            written += piece
    os.close(ours)
    return written.decode("utf-8", "replace")


def screen(written: str) -> list[str]:
    """The lines that stand at the end, with their colours; cursor up and erase are obeyed."""
    lines, row = [""], 0
    for token in _TOKENS.finditer(written):
        text, end = token[0], token["end"]
        if text in ("\n", "\r\n"):
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif end == "A":
            row = max(0, row - int(token["n"] or 1))
        elif end == "K":
            lines[row] = ""
        elif text != "\r" and (end is None or end == "m"):
            lines[row] += text
    return lines


def main() -> None:
    """Run the demonstration and draw its last screen."""
    console = Console(record=True, width=_COLUMNS, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(f"$ roastwatch {' '.join(_WORDS)}", style="bold", highlight=False)
    for line in screen(show(_WORDS)):
        if line.strip():
            console.print(Text.from_ansi(line), highlight=False)
    drawn = console.export_svg(title="roastwatch", font_aspect_ratio=0.61)
    drawn = _FONT.sub("", drawn).replace("Fira Code, monospace", "monospace")
    PICTURE.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
