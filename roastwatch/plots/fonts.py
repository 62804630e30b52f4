"""Letters that matplotlib's own font lacks: taken from any installed font that has them.

Chinese, Japanese, Korean and emoji are readable if a font is installed. matplotlib can't draw
colour fonts, as most emoji fonts are: such an emoji becomes its name. Any other letter that no font
has becomes an empty box, without matplotlib's warning on the terminal.
"""

import functools
import logging
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BOX = "\N{WHITE SQUARE}"
# They select the look of the letter before them, or join two; no font draws them.
_UNSEEN = dict.fromkeys([0x200B, 0x200C, 0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)])
_MOST_FONTS = 2000


def make_readable(fig: "Figure") -> None:
    """Set the fonts that the letters of each text in a figure need."""
    from matplotlib.text import Text

    for text in fig.findobj(Text):
        assert isinstance(text, Text)
        content = text.get_text()
        if content.isascii() or not frozenset(content) - _own_letters():
            continue
        content = content.translate(_UNSEEN)
        families, missing = _families(frozenset(content) - _own_letters() - {"\n"})
        for letter in missing:
            content = content.replace(letter, _instead(letter))
        # A font without a bold face is used for bold texts too; do not warn each time.
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        text.set_text(content)
        text.set_fontfamily(["DejaVu Sans", *families])


def _instead(letter: str) -> str:
    """The replacement for a letter that no font has."""
    name = unicodedata.name(letter, "") if unicodedata.category(letter) == "So" else ""
    return f"({name.lower()})" if name else _BOX


@functools.lru_cache(maxsize=1)
def _own_letters() -> frozenset[str]:
    """The letters of matplotlib's own font."""
    from matplotlib import font_manager

    return _letters(font_manager.findfont("DejaVu Sans"))


@functools.lru_cache(maxsize=64)
def _families(letters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The font families that cover letters, the one with most first; and the letters left over."""
    from matplotlib import font_manager

    wanted = set(letters)
    families: list[str] = []
    while wanted:
        best, name = frozenset[str](), ""
        for path in _installed():
            had = _letters(path) & wanted
            if len(had) > len(best):
                best, name = had, path
        if not best:
            break
        wanted -= best
        known = {entry.fname: entry.name for entry in font_manager.fontManager.ttflist}
        if name not in known:
            # Fonts installed after matplotlib made its list.
            font_manager.fontManager.addfont(name)
            known = {entry.fname: entry.name for entry in font_manager.fontManager.ttflist}
        families.append(known[name])
    return tuple(families), frozenset(wanted)


@functools.lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    from matplotlib import font_manager

    # Regular faces before bold and slanted ones, because the first of equal fonts is taken.
    paths = sorted(font_manager.findSystemFonts(), key=lambda path: (_styled(path), path))
    return tuple(paths[:_MOST_FONTS])


def _styled(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return any(word in name for word in ("bold", "italic", "oblique", "black", "thin", "mono"))


@functools.lru_cache(maxsize=_MOST_FONTS)
def _letters(path: str) -> frozenset[str]:
    """The letters of a font; none if matplotlib can't use it (colour bitmaps)."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
        if not font.scalable:
            return frozenset()
        return frozenset(map(chr, font.get_charmap()))
    except (RuntimeError, OSError, ValueError):
        return frozenset()
