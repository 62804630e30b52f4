"""Text from outside for rich, which takes what stands in square brackets for its markup."""

from rich.markup import escape

from roastwatch.printing.printable import printable_lines


def literal(text: object) -> str:
    """The text as it is: its brackets are no markup, and nothing in it steers the terminal."""
    return escape(printable_lines(str(text)))
