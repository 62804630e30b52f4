"""Make text from outside safe for a terminal, a log or a single line."""

import re

UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Control characters, line breaks, marks of writing direction, and halves of surrogate pairs."""
_UNFIT_IN_LINES = re.compile(UNFIT.pattern.replace(r"\x00-\x1f", r"\x00-\x08\x0b-\x1f"))
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]{1,200}@")


def printable(text: str, longest: int | None = None) -> str:
    """The text on one line; control characters are shown as escapes, such as `\\x1b`."""
    return UNFIT.sub(_escaped, _short(text, longest))


def printable_lines(text: str) -> str:
    """The same for text of several lines; line breaks and tabs stay."""
    return _UNFIT_IN_LINES.sub(_escaped, text)


def without_credentials(text: str) -> str:
    """The text without the user names and passwords of URLs in it."""
    return _CREDENTIALS.sub("***@", text)


def _short(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
