"""`roastwatch demo`: the whole service on a synthesised roast."""

from pathlib import Path

import click

from roastwatch.cli.listen import extra_sinks, quick
from roastwatch.cli.live import log_to_stderr, serve
from roastwatch.cli.page import Page, page_options
from roastwatch.printing.times import clock
from roastwatch.settings import model as settings
from roastwatch.synth.source import DemoOptions, demo_roast


@click.command("demo")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Number of the roast; each is different."
)
@click.option(
    "--speed",
    type=float,
    default=20.0,
    show_default=True,
    help="1: real time; 0: as fast as possible.",
)
@click.option("--model", help="Model (default: pops).")
@click.option(
    "--mqtt", metavar="HOST[:PORT]", help="Also publish to this MQTT broker (and Home Assistant)."
)
@click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    help="Settings file to take the sinks from.",
)
@click.option(
    "--log",
    "log_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Store the roast in this roast log (see `roastwatch roasts`).",
)
@page_options
@click.option("--exit", "exits", is_flag=True, help="End with the roast, also if the page is open.")
@click.option("-v", "--verbose", is_flag=True, help="Log more details.")
def command(
    seed: int,
    speed: float,
    model: str | None,
    mqtt: str | None,
    path: Path | None,
    log_path: Path | None,
    page: bool,
    opened: bool,
    exits: bool,
    verbose: bool,
) -> None:
    """Play a synthesised roast and show how first crack is detected in it.

    The sound has a drum, a fan, tumbling beans, a realistic rate of cracks, stray pops and clatter.
    In a terminal, the page stays after the roast until you press Ctrl+C; with --open also without
    one, until the program is stopped.

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
            "The detector does not know this."
        )
    wanted = quick({"type": "demo", "seed": seed, "speed": speed, "temperatures": True}, model)
    if path is not None:
        own = settings.read(path)
        wanted = own.model_copy(update={"stations": wanted.stations})
    serve(wanted, extra_sinks(mqtt), log_path, Page(page, opened), stays=not exits)
