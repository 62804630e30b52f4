"""`roastwatch listen`: a microphone or a file, shown live, nothing to set up."""

from pathlib import Path

import click

from roastwatch.audio.sound_card import has_microphone
from roastwatch.cli import model_choice
from roastwatch.cli.live import log_to_stderr, mqtt_sink, serve
from roastwatch.settings import model as settings
from roastwatch.settings.model import Chosen


@click.command("listen")
@click.option("--device", help="Microphone by name or index (see `roastwatch devices`).")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Replay a recording instead.")
@click.option("--stdin", "raw", is_flag=True, help="Hear raw PCM from standard input.")
@click.option("--rate", type=int, default=48_000, show_default=True, help="Rate of --stdin in Hz.")
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
@click.option("--speed", type=float, default=1.0, show_default=True, help="Of --file; 0: fastest.")
@click.option(
    "--model", help="What hears cracks: a name or a model's folder (default: the shipped model)."
)
@click.option("--model-option", "model_options", multiple=True, metavar="KEY=VALUE")
@click.option("--charge", is_flag=True, help="The beans go in just now: the decision is surer.")
@click.option("--mqtt", metavar="HOST[:PORT]", help="Tell this MQTT broker, too.")
@click.option("--or-demo", is_flag=True, help="Without a microphone, play a demonstration roast.")
@click.option(
    "--log",
    "log_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the roast in this roast log (see `roastwatch roasts`).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
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
    verbose: bool,
) -> None:
    """Listen now and show what is heard; deciding begins with the sound.

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
        click.echo("No microphone here: playing a demonstration roast, 20 times as fast as life.")
        source = {"type": "demo", "speed": 20.0}
    else:
        source = {"type": "microphone", "device": device, "wait": False}
    quickly = quick(source, model, model_options=model_options, charge=charge)
    serve(quickly, extra_sinks(mqtt), log_path)


def quick(
    source: dict[str, object],
    model: str | None,
    station: str = "roaster",
    model_options: tuple[str, ...] = (),
    *,
    charge: bool = False,
) -> settings.Settings:
    """Settings for one station that begins with its sound, or with a charge."""
    roast = {"begins": "charge" if charge else "sound"}
    one: dict[str, object] = {"name": station, "source": source, "roast": roast}
    if model:
        kind, options = model_choice.choose(model, model_options)
        one["model"] = {"type": kind, **options}
    return settings.parse({"stations": [one]})


def extra_sinks(mqtt: str | None) -> list[Chosen]:
    """The terminal, and a broker where one is named."""
    sinks = [settings.chosen("sinks", "console")]
    return [*sinks, mqtt_sink(mqtt)] if mqtt else sinks
