"""`roastwatch demo`: a synthesised roast through the whole program."""

from pathlib import Path

import click

from roastwatch.cli.listen import extra_sinks, quick
from roastwatch.cli.live import log_to_stderr, serve
from roastwatch.printing.times import clock
from roastwatch.settings import model as settings
from roastwatch.synth.source import DemoOptions, demo_roast


@click.command("demo")
@click.option("--seed", type=int, default=1, show_default=True, help="Which roast.")
@click.option(
    "--speed", type=float, default=20.0, show_default=True, help="1: as in life; 0: fastest."
)
@click.option("--model", help="What hears cracks (default: the shipped model).")
@click.option("--mqtt", metavar="HOST[:PORT]", help="Tell this MQTT broker (and Home Assistant).")
@click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    help="Take the sinks from a settings file.",
)
@click.option(
    "--log",
    "log_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the roast in this roast log (see `roastwatch roasts`).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def command(
    seed: int,
    speed: float,
    model: str | None,
    mqtt: str | None,
    path: Path | None,
    log_path: Path | None,
    verbose: bool,
) -> None:
    """Play a synthesised roast and show how first crack is heard in it.

    Drum, fan, tumbling beans, a realistic rate of cracks, stray pops and a clatter.

    \b
    Examples:
      roastwatch demo --speed 60
      roastwatch demo --seed 7 --mqtt localhost
    """
    log_to_stderr(verbose)
    truth = demo_roast(DemoOptions(seed=seed)).truth
    if truth.first_crack_at_s is not None:
        click.echo(
            f"Roast {seed}: its beans crack from {clock(truth.first_crack_at_s)} on. "
            "The ear doesn't know."
        )
    wanted = quick({"type": "demo", "seed": seed, "speed": speed, "temperatures": True}, model)
    if path is not None:
        own = settings.read(path)
        wanted = own.model_copy(update={"stations": wanted.stations})
    serve(wanted, extra_sinks(mqtt), log_path)
