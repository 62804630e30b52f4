"""A built page of three files, as the build hook leaves it."""

import gzip
from pathlib import Path


def page_folder(folder: Path) -> Path:
    """Make it in a folder, and return that."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "sources.sha256").write_text("0")
    script = folder / "assets" / "index-1a2b.js"
    script.write_text("js")
    script.with_name(script.name + ".br").write_bytes(b"brotli")
    script.with_name(script.name + ".gz").write_bytes(gzip.compress(b"js", mtime=0))
    return folder
