"""`roastwatch listen`: a microphone or a file, shown live, without a settings file."""

from pathlib import Path

import click

from roastwatch.audio.sound_card import has_microphone
from roastwatch.cli import model_choice
from roastwatch.cli.live import log_to_stderr, mqtt_sink, serve
from roastwatch.cli.page import Page, page_options
from roastwatch.settings import model as settings
from roastwatch.settings.model import Chosen


@click.command("listen")
@click.option("--device", help="Microphone, by name or index (see `roastwatch devices`).")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Replay a recording instead.")
@click.option("--stdin", "raw", is_flag=True, help="Read raw PCM from standard input.")
@click.option(
    "--rate", type=int, default=48_000, show_default=True, help="Sample rate of --stdin in Hz."
)
@click.option(
    "--channels", type=int, default=1, show_default=True, help="Channels of --stdin, interleaved."
)
@click.option(
    "--format",
    "pcm_format",
    type=click.Choice(["s16le", "s32le", "f32le"]),
    default="s16le",
    show_default=True,
    help="Encoding of --stdin.",
)
@click.option(
    "--speed",
    type=float,
    default=1.0,
    show_default=True,
    help="Speed of --file; 1: real time; 0: as fast as possible.",
)
@click.option(
    "--model", help="Model: a name, a folder, or a name on the Hugging Face hub (default: pops)."
)
@click.option(
    "--model-option",
    "model_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the model, such as overlap=0.5; repeatable.",
)
@click.option(
    "--charge", is_flag=True, help="The beans go in now; detection is more reliable with it."
)
@click.option("--mqtt", metavar="HOST[:PORT]", help="Also publish to this MQTT broker.")
@click.option(
    "--or-demo", is_flag=True, help="If there is no microphone, play a synthesised roast."
)
@click.option(
    "--log",
    "log_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Store the roast in this roast log (see `roastwatch roasts`).",
)
@page_options
@click.option("-v", "--verbose", is_flag=True, help="Log more details.")
def command(
    device: str | None,
    path: Path | None,
    raw: bool,
    rate: int,
    channels: int,
    pcm_format: str,
    speed: float,
    model: str | None,
    model_options: tuple[str, ...],
    charge: bool,
    mqtt: str | None,
    or_demo: bool,
    log_path: Path | None,
    page: bool,
    opened: bool,
    verbose: bool,
) -> None:
    """Listen now and show what is detected. The roast starts with the sound.

    \b
    Examples:
      roastwatch listen --device "USB" --charge
      roastwatch listen --file roast.flac --speed 20
      arecord -f S16_LE -r 48000 -c 1 -t raw | roastwatch listen --stdin
    """
    log_to_stderr(verbose)
    if path is not None:
        source: dict[str, object] = {"type": "file", "path": str(path), "speed": speed}
    elif raw:
        source = {
            "type": "stdin",
            "sample_rate_hz": rate,
            "channels": channels,
            "format": pcm_format,
            "live": False,
        }
    elif or_demo and device is None and not has_microphone():
        click.echo("No microphone found: playing a synthesised roast at 20 × real time.")
        source = {"type": "demo", "speed": 20.0}
    else:
        source = {"type": "microphone", "device": device, "wait": False}
    quickly = quick(source, model, model_options=model_options, charge=charge)
    stays = source["type"] == "demo"
    serve(quickly, extra_sinks(mqtt), log_path, Page(page, opened), stays=stays)


def quick(
    source: dict[str, object],
    model: str | None,
    station: str = "roaster",
    model_options: tuple[str, ...] = (),
    *,
    charge: bool = False,
) -> settings.Settings:
    """Settings of one station whose roast starts with the sound, or with a charge."""
    roast = {"begins": "charge" if charge else "sound"}
    one: dict[str, object] = {"name": station, "source": source, "roast": roast}
    if model:
        kind, options = model_choice.choose(model, model_options)
        one["model"] = {"type": kind, **options}
    return settings.parse({"stations": [one]})


def extra_sinks(mqtt: str | None) -> list[Chosen]:
    """The console sink, and an MQTT sink if a broker is given."""
    sinks = [settings.chosen("sinks", "console")]
    return [*sinks, mqtt_sink(mqtt)] if mqtt else sinks
