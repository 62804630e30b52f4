"""The program's sentences as a person reads them: in their language, and in °C or °F."""

import re
from functools import cache

from roastwatch.printing.german import SENTENCES

_DEEPEST = 3
_TEMPERATURE = re.compile(
    r"(?P<by>\bby |\bgot )?(?P<number>-?\d+(?:\.\d+)?) °C(?P<rate>/min|/s)?"
    r"(?:; (?P<limit>\d+) is the limit)?"
)


def for_people(sentence: str, language: str, *, fahrenheit: bool = False) -> str:
    """A sentence in a language (English where there is no other), with °C as °F if wanted."""
    if fahrenheit:
        sentence = _TEMPERATURE.sub(_in_fahrenheit, sentence)
    return _german(sentence) if language == "de" else sentence


def _in_fahrenheit(found: re.Match[str]) -> str:
    number, decimals = float(found["number"]), len(found["number"].partition(".")[2])
    difference = bool(found["by"] or found["rate"])
    shown = number * 1.8 + (0.0 if difference else 32.0)
    limit = f"; {float(found['limit']) * 1.8:.0f} is the limit" if found["limit"] else ""
    return f"{found['by'] or ''}{shown:.{decimals}f} °F{found['rate'] or ''}{limit}"


def _german(sentence: str, depth: int = 0) -> str:
    whole = _one(sentence, depth)
    if whole is not None or depth >= _DEEPEST:
        return whole or sentence
    parts = re.split(r"(?<=[.?!:]) (?=[A-Z])", sentence)
    if len(parts) == 1:
        return sentence
    return " ".join(_one(part, depth) or part for part in parts)


def _one(sentence: str, depth: int) -> str | None:
    """A sentence that the table holds; None: it holds none."""
    if sentence in SENTENCES:
        return SENTENCES[sentence]
    for pattern, german in _patterns():
        if found := pattern.fullmatch(sentence):
            holes = [_german(hole, depth + 1) for hole in found.groups()]
            return german.format(*holes)
    return None


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Those with holes, the most specific first: a short one would take what a longer one means."""
    with_holes = sorted((one for one in SENTENCES if "{}" in one), key=len, reverse=True)
    return [
        (re.compile("(.+?)".join(map(re.escape, one.split("{}")))), SENTENCES[one])
        for one in with_holes
    ]
