"""`roastwatch doctor`: check everything a roast needs, and say what to do about each."""

import asyncio
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from roastwatch import __version__, plugins, settings
from roastwatch.cli.run import found
from roastwatch.cli.text import literal
from roastwatch.errors import RoastwatchError
from roastwatch.settings import Chosen, Settings
from roastwatch.supervise import Part

_FREE_MB = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing checked: `good` None means it could not or need not be checked."""

    name: str
    good: bool | None
    text: str


@click.command("doctor")
@click.option("--settings", "path", type=click.Path(path_type=Path), help="Settings file (YAML).")
def command(path: Path | None) -> None:
    """Check settings, microphone, model, broker, disk and permissions.

    Exits with 1 when something must be mended.

    Example: roastwatch doctor --settings roastwatch.yaml
    """
    console = Console()
    bad = 0
    for finding in _findings(path):
        mark = {True: "[green]ok[/green]  ", False: "[red]mend[/red]", None: "[dim]–[/dim]   "}
        console.print(
            f"{mark[finding.good]} {finding.name:12} {literal(finding.text)}", highlight=False
        )
        bad += finding.good is False
    console.print(f"{bad} to mend." if bad else "All well.")
    sys.exit(1 if bad else 0)


def _findings(path: Path | None) -> Iterator[Finding]:
    version = sys.version.split()[0]
    yield Finding("roastwatch", True, f"{__version__} on Python {version}")
    try:
        wanted = settings.read(path or found())
        yield Finding("settings", True, f"{path or found()}")
    except RoastwatchError as error:
        yield Finding("settings", False if path else None, str(error))
        wanted = settings.parse({})
    for station in wanted.stations:
        yield _try(f"{station.name} sound", lambda one=station: _sound(one.source))  # type: ignore[misc]
        yield _try(f"{station.name} model", lambda one=station: _model(one.model))  # type: ignore[misc]
    for sink in wanted.sinks:
        yield _try(sink.type, lambda one=sink: _address(one))  # type: ignore[misc]
    yield _try("disk", lambda: _disk(wanted))


def _try(name: str, check: Callable[[], tuple[bool | None, str]]) -> Finding:
    try:
        good, text = check()
    except RoastwatchError as error:
        good, text = False, str(error)
    return Finding(name, good, text)


def _sound(source: Chosen) -> tuple[bool | None, str]:
    """One second of the source: that it opens, and how loud it is."""
    level = asyncio.run(_one_second(source))
    if level is None:
        return False, "no sound came within 5 s: is the microphone plugged in and not muted?"
    rate, rms = level
    text = f"{source.type} at {rate / 1000:g} kHz, {rms:.0f} dBFS"
    if rms < -85:
        return False, f"{text}: it is silent; unmute it or raise its level (alsamixer)."
    return True, text


async def _one_second(source: Chosen) -> tuple[int, float] | None:
    part = Part("doctor")
    factory: Any = plugins.load("sources", source.type)
    try:
        async with asyncio.timeout(5.0), factory(source.options, part) as opened:
            power, count = 0.0, 0
            async for block in opened.blocks():
                power += float(np.square(block.samples).sum())
                count += len(block.samples)
                if count >= opened.sample_rate_hz:
                    break
            return opened.sample_rate_hz, 10 * np.log10(power / max(1, count) + 1e-12)
    except TimeoutError:
        if part.problem:
            raise RoastwatchError(part.problem) from None
        return None


def _model(chosen: Chosen) -> tuple[bool | None, str]:
    """Loads, and stays silent on silence."""
    model = plugins.load("models", chosen.type)(chosen.options)
    stream = model.open(48_000)
    quiet = np.random.default_rng(0).normal(0, 1e-3, 96_000).astype(np.float32)
    pops = [pop for score in stream.push(quiet) for pop in score.pops]
    heard = sum(pop.probability >= model.spec.pop_threshold for pop in pops)
    return heard == 0, f"{model.spec.model_id}: {heard} pops in 2 s of faint noise (0 is right)"


def _address(sink: Chosen) -> tuple[bool | None, str]:
    """Whether somebody answers at a sink's host and port."""
    host, port = getattr(sink.options, "host", None), getattr(sink.options, "port", None)
    if not host or not port:
        return None, "nothing to check"
    try:
        with socket.create_connection((host, port), timeout=3.0):
            return True, f"{host}:{port} answers"
    except OSError as error:
        return False, (
            f"{host}:{port} does not answer ({error.strerror or error}): is the host right, is the "
            "broker running, does a firewall stand between?"
        )


def _disk(wanted: Settings) -> tuple[bool | None, str]:
    folder = wanted.folder
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    probe = existing / ".roastwatch-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return False, f"{existing} can't be written ({error.strerror}): set data_dir elsewhere."
    return free_mb > _FREE_MB, f"{folder}: {free_mb / 1000:.1f} GB free"
