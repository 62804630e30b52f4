"""Text that came from outside (names of files, devices and beans), as a terminal can show it."""

from rich.markup import escape


def shown(text: object) -> str:
    """Bytes that are no UTF-8 and control characters as escapes; lines stay lines."""
    return "".join(
        character if character.isprintable() or character == "\n" else _escaped(character)
        for character in str(text)
    )


def literal(text: object) -> str:
    """The same for rich, which takes what stands in square brackets for its markup."""
    return escape(shown(text))


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
