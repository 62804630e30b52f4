"""`roastwatch devices`: the microphones of this computer and of the network."""

import asyncio
import json
from dataclasses import asdict

import click
from rich.table import Table

from roastwatch.audio.network import discovery
from roastwatch.audio.sound_card import Device, PortAudio, SoundCard, rates_of
from roastwatch.cli.text import literal
from roastwatch.errors import MissingExtraError
from roastwatch.printing.rich_console import Console


@click.command("devices")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per device and line.")
@click.option("--network/--no-network", default=True, help="Also look in the network, for 2 s.")
def command(as_json: bool, network: bool) -> None:
    """List microphones with index, name, channels and supported sample rates.

    With the extra `network`, Wyoming satellites and RTSP cameras that announce themselves are
    listed, too; other network microphones can't be found.

    \b
    Examples:
      roastwatch devices
      roastwatch listen --device "USB"
    """
    try:
        _local(as_json)
    finally:  # this computer may have no sound system at all
        if network:
            _network(as_json)


def _local(as_json: bool) -> None:
    card = PortAudio()
    devices = card.devices()
    if as_json:
        for device in devices:
            click.echo(json.dumps(_as_json(card, device)))
        return
    if not devices:
        click.echo(
            "No microphone found. Plug one in and try again; in a container, pass the sound device "
            "through (--device /dev/snd). `roastwatch demo` needs none."
        )
        return
    table = Table("", "index", "name", "channels", "rates in kHz", "interface", box=None)
    for device in devices:
        table.add_row(
            "default" if device.is_default else "",
            str(device.index),
            literal(device.name),
            str(device.channels),
            ", ".join(f"{rate / 1000:g}" for rate in rates_of(card, device)) or "none (busy?)",
            literal(device.host_api),
        )
    Console().print(table)
    click.echo("Choose one by its index, or by a part of its name that is unique.")


def _network(as_json: bool) -> None:
    try:
        found = asyncio.run(discovery.find())
    except MissingExtraError as error:
        if not as_json:
            click.echo(f"Network microphones are not listed. {error}")
        return
    if as_json:
        for one in found:
            click.echo(json.dumps({"network": True, **asdict(one)}))
        return
    if not found:
        return
    table = Table("source", "name", "host", "port", box=None)
    for one in found:
        table.add_row(one.source, literal(one.name), one.host, str(one.port))
    Console().print(table)
    click.echo("Name one in the settings: see docs/how-to/network-microphones.md.")


def _as_json(card: SoundCard, device: Device) -> dict[str, object]:
    return {
        "index": device.index,
        "name": device.name,
        "host_api": device.host_api,
        "channels": device.channels,
        "default_rate_hz": device.default_rate_hz,
        "rates_hz": rates_of(card, device),
        "default": device.is_default,
    }
