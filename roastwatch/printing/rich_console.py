"""rich's console for text from outside (see terminal.py); separate because rich imports slowly."""

from collections.abc import Iterable
from typing import IO

from rich import console
from rich.segment import Segment

from roastwatch.printing.printable import printable_lines


class Console(console.Console):
    """Prints no control character from a text; rich's own styles and cursor moves pass."""

    @property
    def file(self) -> IO[str]:
        """The real stream, behind any stream that wraps it (such as that of `Live`)."""
        file = super().file
        while (behind := getattr(file, "rich_proxied_file", None)) is not None:
            file = behind
        return file

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render(
        self,
        renderable: console.RenderableType,
        options: console.ConsoleOptions | None = None,
    ) -> Iterable[Segment]:
        """Render as rich does, with every text made printable."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable_lines(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)
