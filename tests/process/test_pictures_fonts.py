"""Letters that matplotlib's font lacks, with a font that the test makes and installs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roastwatch.plots import fonts as pictures_fonts

fonts = pytest.importorskip("fontTools.fontBuilder")
pens = pytest.importorskip("fontTools.pens.ttGlyphPen")

SCRIPT = r"""
import sys
from dataclasses import replace
from roastwatch.plots import more as pictures_more, picture as pictures
from roastwatch.plots.style import figure, rendered
from roastwatch.records.record import Properties
from tests.support.made_roasts import made_roast

roast = replace(made_roast(), title="№5 🫘 浅煎り \U0010ff00",
                properties=Properties(notes="浅煎り 🫘"))
open(sys.argv[1], "wb").write(pictures.roast_picture(roast, format_="svg"))
pictures_more.report_pdf(roast)
pictures_more.overlay_picture([roast, roast])
fig, _ = figure("light", "small")
text = fig.text(0, 0, sys.argv[2])
rendered(fig, "png")
print(text.get_text(), text.get_fontfamily())
"""


def make_font(path: Path, letters: str) -> None:
    """A font whose every letter is a square."""
    pen = pens.TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(point)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"u{ord(letter):X}" for letter in letters)]
    font = fonts.FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(letter): f"u{ord(letter):X}" for letter in letters})
    font.setupGlyf(dict.fromkeys(names, square))
    font.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    path.parent.mkdir(parents=True)
    font.save(path)


def drawn(tmp_path: Path, letter: str) -> tuple[str, str]:
    """The picture (as SVG text) and the program's other output; its stderr must be empty."""
    environment = os.environ | {
        "XDG_DATA_HOME": str(tmp_path / "share"),
        "MPLCONFIGDIR": str(tmp_path / "matplotlib"),
    }
    picture = tmp_path / "roast.svg"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(picture), letter],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    noise = [line for line in done.stderr.splitlines() if "building the font cache" not in line]
    assert noise == []
    return picture.read_text(encoding="utf-8"), done.stdout


def test_letters_are_drawn_with_a_font_that_has_them(tmp_path: Path) -> None:
    make_font(tmp_path / "share" / "fonts" / "squares.ttf", "浅煎り🫘\U0010ff00")
    picture, printed = drawn(tmp_path, "浅")
    assert "№5 🫘 浅煎り \U0010ff00" in picture
    assert "Squares" in picture
    assert "Squares" in printed


def test_letters_without_a_font_give_no_warning(tmp_path: Path) -> None:
    picture, printed = drawn(tmp_path, "\U0010ff00")
    assert "\U0010ff00" not in picture
    assert printed.startswith("□")


def test_emoji_without_a_font_becomes_its_name() -> None:
    assert pictures_fonts._instead("🫘") == "(beans)"
    assert pictures_fonts._instead("浅") == "□"
