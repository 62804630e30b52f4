"""`roastwatch bench`: speed, memory, and the number of microphones that a computer can handle."""

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from roastwatch.bench import large, live, machine, offline, plots, process
from roastwatch.bench.report import Report, row
from roastwatch.bench.sound import write_file
from roastwatch.bench.timing import Figure, Stage
from roastwatch.cli import model_choice
from roastwatch.cli.text import literal
from roastwatch.detection.large.windowed import Windowed
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError, MissingExtraError
from roastwatch.printing.rich_console import Console

_MODES = ("quick", "full", "stream", "stress", "large", "web")


@click.command("bench")
@click.argument("mode", type=click.Choice(_MODES), default="quick")
@click.option("--model", "name", help="Model: a name or folder (default: pops).")
@click.option(
    "--model-option", "options", multiple=True, metavar="KEY=VALUE", help="Option of the model."
)
@click.option(
    "--rate",
    type=click.IntRange(8000, 48_000),
    default=32_000,
    show_default=True,
    help="Sample rate in Hz.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=1), help="Seconds of sound, or of each live run."
)
@click.option(
    "--streams",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of live streams.",
)
@click.option(
    "--clients", type=click.IntRange(1), default=20, show_default=True, help="Clients of the page."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write JSON, Markdown and PNG to this folder."
)
@click.option("--compare", type=click.Path(path_type=Path), help="Report to compare with.")
def command(
    mode: str,
    name: str | None,
    options: tuple[str, ...],
    rate: int,
    seconds: float | None,
    streams: int,
    clients: int,
    as_json: bool,
    out: Path | None,
    compare: Path | None,
) -> None:
    """Measure the cost of a model and of the whole service on this computer.

    \b
    quick   stages, speed, time per step, loading (about 30 s)
    full    quick, and the memory of analyze and run over minutes and hours
    stream  live streams in real time: latency, queues, memory
    stress  the number of microphones before this computer falls behind
    large   a windowed model: back ends, threads, batches (minutes)
    web     the page: the cost of its clients, and how soon they see a pop

    \b
    Examples:
      roastwatch bench
      roastwatch bench full --out results
      roastwatch bench stream --streams 16 --seconds 60
      roastwatch bench quick --compare results/bench.json
      roastwatch bench large --model ./ast-onnx-int8
    """
    old = _read(compare) if compare else None
    console = Console(stderr=as_json)
    model = model_choice.load(name, options)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(mode, at, machine.describe(), _describe(model))
    measured = _Measured(report, console, as_json)
    if mode in ("quick", "full"):
        measured.offline(model, rate, seconds or (120.0 if mode == "quick" else 600.0))
        measured.note(*process.load(name, options, 50.0))
        kind, chosen = model_choice.choose(name, options)
        length_s = 8.0 if mode == "quick" else 60.0
        measured.note(*process.listening({"type": kind, **chosen}, rate, length_s))
    if mode == "full":
        measured.note(*process.analyze_memory(name, options, rate))
    if mode == "stream" or mode == "full":
        measured.stream(model, rate, streams, seconds if mode == "stream" and seconds else 30.0)
    if mode == "large":
        measured.large(model)
    if mode == "web":
        from roastwatch.bench import web

        kind, chosen = model_choice.choose(name, options)
        which = {"type": kind, **chosen}
        measured.note(*web.clients(which, rate, seconds or 30.0, clients))
        measured.note(*web.pops(which, rate, seconds or 30.0, clients))
    if mode == "stress":
        measured.stress(model, rate, seconds or max(10.0, 4 * model.spec.hop_s))
    if as_json:
        click.echo(json.dumps(report.as_json(), allow_nan=False))
    if out is not None:
        _write(out, measured, console)
    if old is not None:
        slower = report.slower_than(old)
        console.print("\n".join(slower) or "Nothing is more than 10 % slower.", style="bold")


class _Measured:
    """Measures, and prints each figure."""

    def __init__(self, report: Report, console: Console, quiet: bool) -> None:
        self.report = report
        self.console = console
        self.quiet = quiet
        self.stages: list[Stage] = []
        self.step: Stage | None = None
        self.streams: list[live.Streams] = []

    def note(self, *figures: Figure) -> None:
        """Keep figures and print them."""
        self.report.figures += figures
        if self.quiet:
            return
        for figure in figures:
            name, value, target, met, note = row(figure)
            style = {"yes": "green", "NO": "red", "": ""}[met]
            self.console.print(
                f"{name:32} [{style or 'default'}]{value:>26}[/]  {target:8} {note}",
                highlight=False,
                soft_wrap=True,
            )

    def offline(self, model: CrackModel, rate: int, seconds: float) -> None:
        """Measure each stage, the whole, and one step."""
        with tempfile.TemporaryDirectory() as folder:
            flac = write_file(Path(folder) / "bench.flac", seconds, rate)
            wav = write_file(Path(folder) / "bench.wav", seconds, rate)
            self.note(*offline.whole(model, flac, "analyze_flac", 500.0))
            if len(machine.cores()) > 1:
                name = "analyze_flac_all_cores"
                self.note(*offline.whole(model, flac, name, 700.0, all_cores=True))
            self.note(*offline.whole(model, wav, "analyze_wav", 1000.0))
            self.stages = offline.stages(model, flac)
        self.step, step_cpu = offline.steps(model, rate, 60.0)
        rows = [stage.as_json() for stage in (*self.stages, self.step, step_cpu)]
        self.report.stages += rows
        step, cpu = rows[-2:]
        cost = "ms_per_s_of_sound"
        self.note(
            Figure("step_p99", step["p99_ms"], "ms", target=1.0, note="model and decision, 50 ms"),
            Figure("step_p99_cpu", cpu["p99_ms"], "ms", note="processor time of the thread"),
            Figure("live_cost", step[cost], "ms per s of sound", target=4.0),
            Figure("live_cost_cpu", cpu[cost], "ms per s of sound"),
            Figure("model_file", _file_kb(model), "kB", target=1000.0),
        )
        self._table(rows, "name")

    def stream(self, model: CrackModel, rate: int, count: int, seconds: float) -> None:
        """Measure live streams in real time."""
        streams = live.run(model, rate, count, seconds)
        self.streams = [streams]
        found = streams.as_json()
        self.report.streams.append(found)
        grown = (streams.memory_mb_after or 0) - (streams.memory_mb_before or 0)
        self.note(
            Figure("stream_latency_p99", streams.p99_ms, "ms", target=100.0, note=f"{count} live"),
            Figure("stream_skipped", streams.blocks_skipped, "blocks", target=0.0),
            Figure("stream_cpu", streams.cpu_percent, "% of a core"),
            Figure("stream_memory_growth", grown, "MB", note=f"over {seconds:g} s"),
        )
        if not self.quiet:
            table = Table(box=None, show_header=False)
            for key, value in found.items():
                table.add_row(key.replace("_", " "), _shown(value))
            self.console.print(table)

    def large(self, model: CrackModel) -> None:
        """Measure every way to run a windowed model."""
        if not isinstance(model, Windowed):
            raise BadInputError(
                "`bench large` measures windowed models: name one with --model DIR."
            )
        self.note(*large.front_ends(model))
        rows = []
        for combination in large.combinations(model):
            rows.append(large.run(model, combination))
            self.note(*large.figures(rows[-1]))
        self.note(*large.int8_pace(rows))
        self.report.stages += [{"name": "window", **one} for one in rows]

    def stress(self, model: CrackModel, rate: int, seconds: float) -> None:
        """Add streams until the computer falls behind."""

        def attempt(count: int) -> live.Streams:
            streams = live.run(model, rate, count, seconds)
            if not streams.carried:  # another program may have disturbed it: try again
                streams = live.run(model, rate, count, seconds)
            word = "carried" if streams.carried else "too many"
            if not self.quiet:
                self.console.print(
                    f"{streams.count:4} streams: p99 {streams.p99_ms:8.1f} ms late, "
                    f"{streams.blocks_skipped} blocks skipped, {streams.cpu_percent:.0f} % of a "
                    f"core: {word}",
                    highlight=False,
                )
            return streams

        self.streams = live.most(attempt)
        self.report.streams += [streams.as_json() for streams in self.streams]
        good = [streams.count for streams in self.streams if streams.carried]
        bad = [streams.count for streams in self.streams if not streams.carried]
        self.note(
            Figure("streams_carried", max(good, default=0), "streams", higher_is_better=True),
            Figure("streams_too_many", min(bad, default=None), "streams", higher_is_better=True),
        )

    def _table(self, rows: list[dict[str, Any]], key: str) -> None:
        if self.quiet:
            return
        names = [name for name in rows[0] if name != key]
        table = Table(key, *(_heading(name) for name in names), box=None)
        for one in rows:
            table.add_row(*(_shown(one.get(name)) for name in (key, *names)))
        self.console.print(table)


def _heading(name: str) -> str:
    """A key of the report, shortened for a terminal; all times are in ms."""
    return name.replace("ms_per_s_of_sound", "per s").removesuffix("_ms")


def _shown(value: object) -> str:
    """Four digits for the terminal; the report has all of them."""
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _describe(model: CrackModel) -> dict[str, Any]:
    spec = model.spec
    return {
        "model_id": spec.model_id,
        "hop_s": spec.hop_s,
        "look_ahead_s": spec.look_ahead_s,
        "description": spec.description,
        "file_kb": _file_kb(model),
    }


def _file_kb(model: CrackModel) -> float | None:
    """Size of the model's weights in kB, if their path is known."""
    path = getattr(model, "path", None)
    if not isinstance(path, Path) or not path.exists():
        return None
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1000


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(
            f"The report {path} can't be read ({error.strerror}): name one that --out wrote."
        ) from error
    except ValueError as error:
        raise BadInputError(f"{path} is not a report: name the JSON that --out wrote.") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{path} is not a report: name the JSON that --out wrote.")
    return content


def _write(folder: Path, measured: _Measured, console: Console) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(measured.report.as_json(), indent=1, allow_nan=False)
        (folder / "bench.json").write_text(text + "\n", encoding="utf-8")
        (folder / "bench.md").write_text(measured.report.as_markdown(), encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{folder} can't be written ({error.strerror}).") from error
    try:
        plots.save(folder, measured.stages, measured.step, measured.streams)
    except MissingExtraError as error:
        print(f"roastwatch: no picture: {error}", file=sys.stderr)  # noqa: T201
    console.print(f"Written to {literal(folder)}.", highlight=False)
