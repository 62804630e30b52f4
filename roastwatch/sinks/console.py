"""The terminal: a live view of each station, and every event on a line of its own."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from pydantic import Field
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from roastwatch.channel import Events, Latest
from roastwatch.options import Options
from roastwatch.printing.printable import printable
from roastwatch.printing.rich_console import Console
from roastwatch.printing.times import clock
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.vocabulary import EventKind, Hearing, Level, Origin, RoastEvent, Snapshot

_STYLES = {
    EventKind.FIRST_CRACK: "bold green",
    EventKind.FIRST_CRACK_END: "green",
    EventKind.SECOND_CRACK: "bold magenta",
    EventKind.INTERLOCK: "bold red",
    EventKind.FAULT: "bold red",
    EventKind.SOUND_LOST: "red",
    EventKind.ROASTER_LOST: "bold red",
    EventKind.HARD_TO_HEAR: "yellow",
    EventKind.NO_CRACK_YET: "yellow",
}
_LEVELS = {
    Level.POSSIBLE: "possible first crack",
    Level.FIRST_CRACK: "FIRST CRACK",
    Level.CERTAIN: "FIRST CRACK, certain",
}


class ConsoleOptions(Options):
    """How the terminal shows a roast."""

    live: bool = Field(
        True, description="Show a live view on a terminal; false: a line for each event only."
    )


def describe(event: RoastEvent, since: datetime | None) -> Text:
    """One line for an event: when it happened, what, how certain, when it was detected."""
    name = _LEVELS[event.level] if event.level and not event.revoked else ""
    name = name or event.kind.value.replace("_", " ")
    line = Text()
    happened_s = (event.happened_at - since).total_seconds() if since else None
    line.append(f"{clock(happened_s):>6}  ", "dim")
    style = "yellow" if event.level is Level.POSSIBLE else _STYLES.get(event.kind, "cyan")
    line.append("not a crack" if event.revoked else name, style)
    heard_s = (event.decided_at - event.happened_at).total_seconds()
    notes = []
    if event.confidence is not None and not event.revoked:
        notes.append(f"{event.confidence:.0%} sure")
    if heard_s >= 0.5:
        pop = "after its last pop" if event.kind is EventKind.FIRST_CRACK_END else "after onset"
        after = pop if event.origin is Origin.SOUND else "later"
        notes.append(f"detected {heard_s:.0f} s {after}")
    if event.bean_temp_c is not None:
        notes.append(f"{event.bean_temp_c:.0f} °C")
    if event.unlogged:
        notes.append("not in the log")
    if notes:
        line.append(f"  ({', '.join(notes)})", "dim")
    if event.message:
        line.append(f"  {printable(event.message)}")
    return line


def _bar(fraction: float, style: str) -> ProgressBar:
    return ProgressBar(
        total=1.0,
        completed=min(1.0, max(0.0, fraction)),
        width=32,
        complete_style=style,
        finished_style=style,
    )


def view(snapshot: Snapshot) -> Panel:
    """One station as a panel."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", width=14)
    table.add_column(width=34)
    table.add_column()
    development = ""
    if snapshot.development_s is not None:
        development = f"development {clock(snapshot.development_s)}"
        if snapshot.development_ratio_percent is not None:
            development += f" ({snapshot.development_ratio_percent:.0f} %)"
    phase = snapshot.phase.value.replace("_", " ")
    table.add_row("phase", Text(phase, "bold"), f"{clock(snapshot.elapsed_s)}   {development}")
    level = snapshot.level
    if level is not None:
        shown = Text(f"{level.rms_dbfs:6.1f} dBFS, peak {level.peak_dbfs:.1f}")
        table.add_row("sound", _bar((level.rms_dbfs + 80) / 80, "blue"), shown)
    pops = snapshot.pops_per_minute
    if pops is not None:
        table.add_row("pops", _bar(pops / 60, "cyan"), f"{pops:.0f} a minute")
    crack = snapshot.first_crack
    said = _LEVELS[crack.level] if crack and crack.level else "listening"
    if not snapshot.listening:
        said = "not listening"
    elif not snapshot.armed:
        said = "waiting for a roast"
    sure = snapshot.decision >= 1.0
    table.add_row("first crack", _bar(snapshot.decision, "green" if sure else "yellow"), said)
    if snapshot.hearing is not None and snapshot.hearing.hearing is not Hearing.GOOD:
        table.add_row("hearing", Text(snapshot.hearing.hearing.value, "yellow"))
    reading = snapshot.reading
    if reading is not None and reading.bean_temp_c is not None:
        rate = snapshot.rate_of_rise_c_per_min
        rising = f"{rate:+.1f} °C/min" if rate is not None else ""
        table.add_row("bean", f"{reading.bean_temp_c:.1f} °C", rising)
    problems = [part.problem for part in snapshot.parts if part.problem]
    if level is not None and level.problem:
        problems.append(level.problem)
    if snapshot.hearing is not None and snapshot.hearing.reason:
        problems.append(snapshot.hearing.reason)
    rows: list[Table | Text] = [
        table,
        *(Text(f"! {printable(problem)}", "red") for problem in dict.fromkeys(problems)),
    ]
    return Panel(Group(*rows), title=Text(f"roastwatch · {snapshot.station}"), border_style="dim")


class ConsoleSink(Sink):
    """Shows snapshots live and prints events above them."""

    Options = ConsoleOptions

    def __init__(self, options: ConsoleOptions, context: SinkContext) -> None:
        self._options = options
        self._context = context
        self._console = Console()
        self._starts: dict[str, datetime] = {}

    async def check(self) -> Sequence[Finding]:
        """A terminal needs nothing."""
        return [Finding(None, "nothing to check")]

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Show until cancelled."""
        self._context.part.running()
        live = Live(console=self._console, auto_refresh=False, transient=False)
        shows = self._options.live and self._console.is_terminal
        if shows:
            live.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._events(events, latest), name="console:events")
                if shows:
                    group.create_task(self._snapshots(latest, live), name="console:view")
        finally:
            if shows:
                live.stop()

    async def _events(
        self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]
    ) -> None:
        async for event in events:
            snapshot = (latest.value or {}).get(event.station)
            if event.kind is EventKind.CHARGE:
                self._starts[event.station] = event.happened_at
            elif event.station not in self._starts and snapshot and snapshot.started_at:
                self._starts[event.station] = snapshot.started_at
            self._console.print(describe(event, self._starts.get(event.station)), highlight=False)

    async def _snapshots(self, latest: Latest[dict[str, Snapshot]], live: Live) -> None:
        async for snapshots in latest.changes():
            live.update(Group(*(view(snapshot) for snapshot in snapshots.values())), refresh=True)
