"""Make the folder of the Home Assistant app: one that it can build by itself, or one of a release.

python3 -m tools.home_assistant_app FOLDER               build it there: copy FOLDER/roastwatch to
                                                         /addons in Home Assistant
python3 -m tools.home_assistant_app FOLDER --image NAME  it pulls the published image NAME
python3 -m tools.home_assistant_app --pictures           draw icon.png and logo.png again

A folder to build has the Dockerfile with the app as its last target, and all that it copies.
Standard library only, except that the pictures are drawn by
Playwright.
"""

import argparse
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "integrations" / "home_assistant" / "app"
ICON = ROOT / "web" / "public" / "icon.svg"
SIZES = {"icon.png": (128, 128), "logo.png": (250, 100)}
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "*.pyc")


def version() -> str:
    """The version of the package."""
    text = (ROOT / "roastwatch" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"', text, re.MULTILINE)
    assert found is not None
    return found[1]


def dockerfile() -> str:
    """The Dockerfile up to the app, which Home Assistant then builds: it knows no targets."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    before, last = text.rsplit("\nFROM ", 1)
    assert last.startswith("base AS service\n"), "the app is no longer the target before the last"
    return before.rsplit("\n# ", 1)[0] + "\n"


def copied() -> list[str]:
    """What the Dockerfile copies from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile(), re.MULTILINE)
    return [word for line in lines for word in line.split()]


def make(folder: Path, image: str | None) -> None:
    """Write `repository.yaml` and the folder `roastwatch`.

    Args:
        folder: where; it must not exist, or be empty.
        image: the published image; None: the folder has all to build it.

    Raises:
        FileExistsError: the folder contains something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder.")
    app = folder / "roastwatch"
    shutil.copytree(APP, app)
    shutil.copy(ROOT / "repository.yaml", folder)
    config = (APP / "config.yaml").read_text(encoding="utf-8")
    config = re.sub(r"^version: .+$", f"version: {version()}", config, flags=re.MULTILINE)
    if image is not None:
        (app / "config.yaml").write_text(f"{config}image: {image}\n", encoding="utf-8")
        return
    (app / "config.yaml").write_text(config, encoding="utf-8")
    (app / "Dockerfile").write_text(dockerfile(), encoding="utf-8")
    for name in copied():
        source, target = ROOT / name, app / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT, dirs_exist_ok=True)
        elif not target.exists():
            shutil.copy(source, target)


def draw() -> None:
    """Draw the pictures from the page's icon, on a transparent ground."""
    from playwright.sync_api import sync_playwright

    svg = ICON.read_text(encoding="utf-8")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
        for name, (width, height) in SIZES.items():
            word = "" if width == height else "<b>roastwatch</b>"
            sheet = browser.new_page(viewport={"width": width, "height": height})
            sheet.set_content(
                "<style>body{margin:0;height:100vh;display:flex;align-items:center;gap:10px;"
                f"font:600 26px sans-serif;color:#c8742a}}svg{{height:{min(height, 80)}px;"
                f"flex:none}}{'' if word else 'svg{height:100vh}'}"
                f"b{{letter-spacing:-1px}}</style>{svg}{word}"
            )
            sheet.screenshot(path=APP / name, omit_background=True)
        browser.close()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--image")
    parser.add_argument("--pictures", action="store_true")
    given = parser.parse_args()
    if given.pictures:
        draw()
    elif given.folder is None:
        parser.error("name a folder")
    else:
        make(given.folder, given.image)


if __name__ == "__main__":
    main()
