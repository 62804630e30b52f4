"""Build the documentation and check what was built.

python -m tools.site           build into build/site and check it
python -m tools.site --serve   show it at http://localhost:8000 while you write
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools import reference

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "site"
_PROGRAM = Path(sys.executable).with_name("zensical")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "audio": "src",
    "video": "src",
}
_LINK_KINDS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "manifest"}
_CSS_LOAD = re.compile(r"(?:url\(|@import)\s*[\"']?(https?:)?//", re.IGNORECASE)


@dataclass
class Page(HTMLParser):
    """What a built page links to, what it loads, and which anchors it has."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the links, loads and anchors of one tag."""
        given = {key: value or "" for key, value in attrs}
        self.anchors.update(given[key] for key in ("id", "name") if given.get(key))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if given.get(_LOADS.get(tag, "")):
            self.loads.append(given[_LOADS[tag]])
        if tag == "link" and _LINK_KINDS & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))


def problems(site: Path) -> Iterator[str]:
    """Dead links and anchors, and whatever would be loaded from elsewhere, a sentence each."""
    pages: dict[Path, Page] = {}
    for path in sorted(site.rglob("*.html")):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        pages[path] = page
    if not pages:
        yield f"{site} holds no pages"
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.links + page.loads:
            wrong = _dead(link, path, site, pages)
            if wrong:
                yield f"{name}: {link}: {wrong}"
        for load in page.loads:
            if urlsplit(load).netloc:
                yield f"{name}: loads {load} from elsewhere"
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        if _CSS_LOAD.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: loads something from elsewhere"


def _dead(link: str, source: Path, site: Path, pages: dict[Path, Page]) -> str | None:
    """Why a link leads nowhere; None if it is good or leads to another site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = source
    if parts.path:
        base = site if parts.path.startswith("/") else source.parent
        target = (base / unquote(parts.path).lstrip("/")).resolve()
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            return "no such page or file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors | {"__top"}:
        return f"no anchor #{anchor}"
    return None


def build() -> int:
    """Run the site generator; what it says is printed without colours, which are one a letter."""
    done = subprocess.run(
        [_PROGRAM, "build", "--clean", "--strict"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        said = _COLOUR.sub("", done.stdout + done.stderr)
        sys.stderr.write(said.partition("Traceback")[0])
    return done.returncode


def serve() -> int:
    """Show the site while it is written."""
    return subprocess.run([_PROGRAM, "serve"], cwd=ROOT, check=False).returncode


def main(arguments: list[str]) -> int:
    """Build and check, or serve."""
    if "--serve" in arguments:
        reference.main([])
        return serve()
    failed = reference.main(["--check"])
    shutil.rmtree(SITE, ignore_errors=True)
    if build():
        return 1
    found = list(problems(SITE))
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    count = len(list(SITE.rglob("*.html")))
    sys.stdout.write(f"docs: {count} pages, {len(found)} problems\n")
    return 1 if found or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
