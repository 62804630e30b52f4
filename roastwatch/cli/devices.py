"""`roastwatch devices`: the microphones of this computer."""

import json

import click
from rich.table import Table

from roastwatch.audio.sound_card import Device, PortAudio, SoundCard, rates_of
from roastwatch.cli.text import literal
from roastwatch.printing.rich_console import Console


@click.command("devices")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per device and line.")
def command(as_json: bool) -> None:
    """List microphones with index, name, channels and supported sample rates.

    \b
    Examples:
      roastwatch devices
      roastwatch listen --device "USB"
    """
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
