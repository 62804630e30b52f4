"""`roastwatch data`: make, download, check and split training data."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import Progress, track

from roastwatch.cli.training_code import training_code
from roastwatch.errors import BadInputError
from roastwatch.printing.rich_console import Console

if TYPE_CHECKING:
    from roastwatch.synth.fire_crackles import Fire

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("data")
def command() -> None:
    """Make, download, check and split training data."""


@command.command("synth")
@click.option("--out", required=True, type=_FOLDER, help="Output folder.")
@click.option("--seed", default=1, show_default=True, help="Seed; each gives other sounds.")
@click.option("--rate", "rate_hz", default=32000, show_default=True, help="Sample rate in Hz.")
@click.option("--roasts", default=1, show_default=True, help="Number of whole roasts.")
@click.option(
    "--duration", "duration_s", type=float, metavar="SECONDS", help="Cut the roasts short."
)
@click.option(
    "--parts/--no-parts",
    default=True,
    show_default=True,
    help="Also write single pops, backgrounds and other parts.",
)
@click.option(
    "--negatives",
    type=_FOLDER,
    help="Folder such as ESC-10: also write crackles cut from its fires (folds 1 to 3).",
)
def synth(
    out: Path,
    seed: int,
    rate_hz: int,
    roasts: int,
    duration_s: float | None,
    parts: bool,
    negatives: Path | None,
) -> None:
    """Synthesise sounds and whole roasts.

    They are written as WAV with labels and plots.

    Example: roastwatch data synth --out synth --seed 7
    """
    from roastwatch.corpus import recordings, showcase
    from roastwatch.detection.pops.features import LOWEST_RATE_HZ

    if not LOWEST_RATE_HZ <= rate_hz <= 192000:
        raise BadInputError(f"--rate {rate_hz}: choose {LOWEST_RATE_HZ} to 192000 Hz.")
    fires: Sequence[Fire] = ()
    if negatives:
        with training_code("--negatives", "train"):
            from roastwatch.training.bank import fires_in

        fires = fires_in(recordings.find(negatives, "123"))
    if negatives and not fires:
        raise BadInputError(
            f"{negatives} has no folder of fires that crackle: leave --negatives out, or name a "
            "folder such as ESC-10."
        )
    console = Console(stderr=True)
    written: list[Path] = []
    if fires:
        with console.status("fire crackles"):
            for name, sound, labels in showcase.cracks_of_fire(fires, seed, rate_hz):
                written += showcase.write_part(out / "parts", name, sound, rate_hz, labels)
    if parts:
        with console.status("parts"):
            for name, sound, labels in showcase.parts(seed, rate_hz):
                written += showcase.write_part(out / "parts", name, sound, rate_hz, labels)
    for index in track(range(roasts), "roasts", console=console):
        written += showcase.write_roast(
            out / "roasts", seed + index, rate_hz, duration_s=duration_s
        )
    pictures = sum(path.suffix == ".png" for path in written)
    note = "" if pictures or not parts else " (without plots: install the extra 'plots' for them)"
    click.echo(f"{out}: {len(written)} files{note}.")


@command.command("download")
@click.option(
    "--list", "listed", required=True, type=_FILE, help="CSV with the columns url, path, sha256."
)
@click.option("--out", required=True, type=_FOLDER, help="Folder to download to.")
def download(listed: Path, out: Path) -> None:
    """Download a list of files and check their hashes.

    Existing files are kept if their hash is correct.
    """
    from roastwatch.corpus.download import fetch, read_list

    wanted = read_list(listed)
    got = 0
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("files", total=len(wanted))
        for item in wanted:
            got += fetch(item, out)
            progress.advance(task)
    click.echo(
        f"{out}: {got} files downloaded, {len(wanted) - got} already there; all hashes are correct."
    )


@command.command("manifest")
@click.argument("folder", type=_FOLDER)
@click.option("--out", type=_FILE, help="Output file (default: FOLDER/manifest.json).")
@click.option(
    "--layout",
    type=click.Choice(["labels", "windows"]),
    default="labels",
    show_default=True,
    help="labels: sound files with label files; windows: the 10 s windows of the AST project.",
)
@click.option("--roaster", default="", help="Roaster in the recordings.")
@click.option("--microphone", default="", help="Microphone of the recordings.")
@click.option("--licence", default="", help="Licence of the recordings.")
def manifest(
    folder: Path, out: Path | None, layout: str, roaster: str, microphone: str, licence: str
) -> None:
    """Write a manifest of recordings and labels.

    FOLDER is searched recursively. Labels of NAME.wav are read from NAME.txt (Audacity),
    NAME.alog (Artisan), NAME.json (recorded by roastwatch), or *.json of Label Studio.
    """
    from dataclasses import replace

    from roastwatch.corpus import corpus, importers

    if not folder.is_dir():
        raise BadInputError(f"There is no folder {folder}.")
    read = importers.scanned if layout == "labels" else importers.windows_dataset
    found = [
        replace(item, roaster=roaster or item.roaster, microphone=microphone, licence=licence)
        for item in read(folder)
    ]
    if not found:
        raise BadInputError(f"{folder} has no sound files.")
    path = out or folder / "manifest.json"
    corpus.write_manifest(path, found)
    minutes = sum(item.duration_s for item in found) / 60
    click.echo(f"{path}: {len(found)} recordings, {minutes:.1f} minutes.")


@command.command("split")
@click.argument("path", type=_FILE)
@click.option(
    "--shares", default="70,15,15", show_default=True, help="Percent for train, validation, test."
)
@click.option("--seed", default=1, show_default=True, help="Seed of the split.")
def split(path: Path, shares: str, seed: int) -> None:
    """Split a manifest into train, validation and test.

    The manifest PATH is split by recording, never by clip.
    """
    from roastwatch.corpus import corpus

    try:
        numbers = [float(share) for share in shares.split(",")]
    except ValueError as error:
        raise BadInputError(
            f"--shares {shares}: give three numbers with commas, such as 70,15,15."
        ) from error
    found = corpus.split(corpus.read_manifest(path), numbers, seed)
    corpus.write_manifest(path, found)
    counts = Counter(item.split for item in found)
    click.echo(f"{path}: " + ", ".join(f"{name} {counts[name]}" for name in corpus.SPLITS) + ".")


@command.command("verify")
@click.argument("path", type=_FILE)
@click.option(
    "--hashes/--no-hashes", default=True, show_default=True, help="Check the hash of every file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(path: Path, hashes: bool, as_json: bool) -> None:
    """Check the files of a manifest.

    Checks that the files in PATH exist, their hashes and labels, and that no recording is in two
    splits.
    """
    from roastwatch.corpus import corpus

    found = corpus.read_manifest(path)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("recordings", total=len(found))
        wrong = corpus.faults(
            found, path.parent, hashes=hashes, progress=lambda: progress.advance(task)
        )
    if as_json:
        click.echo(json.dumps({"recordings": len(found), "faults": wrong}))
        if wrong:
            raise SystemExit(2)
        return
    if wrong:
        for sentence in wrong[1:]:
            click.echo(sentence, err=True)
        more = f" ({len(wrong)} faults in all)" if len(wrong) > 1 else ""
        raise BadInputError(wrong[0] + more)
    click.echo(f"{path}: {len(found)} recordings, no faults.")
