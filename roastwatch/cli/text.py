"""Text from outside for rich, which reads square brackets as markup."""

from rich.markup import escape

from roastwatch.printing.printable import printable_lines


def literal(text: object) -> str:
    """The text with its brackets escaped, and without control characters for the terminal."""
    return escape(printable_lines(str(text)))
