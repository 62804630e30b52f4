"""The benchmark: figures, the form of its report, and the comparison with an earlier one."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from roastwatch.bench import live
from roastwatch.bench.report import Report
from roastwatch.bench.sound import write_file
from roastwatch.bench.timing import Figure, Stage
from roastwatch.cli import model_choice
from roastwatch.cli.bench import command
from roastwatch.errors import BadInputError


def report(*figures: Figure) -> Report:
    machine = {
        "processor": "one",
        "cores": 1,
        "memory_mb": 1,
        "system": "s",
        "python": "3",
        "load_before": 0.0,
    }
    return Report("quick", "2026-01-01", machine, {"model_id": "m"}, list(figures))


def test_a_stage_counts_its_steps_and_its_sound() -> None:
    stage = Stage("model", [0.001, 0.002, 0.003, 0.010], sound_s=4.0)
    found = stage.as_json()
    assert (found["steps"], found["mean_ms"], found["max_ms"]) == (4, 4.0, 10.0)
    assert found["p50_ms"] == 2.5
    assert found["ms_per_s_of_sound"] == 4.0
    assert found["jitter_ms"] == pytest.approx(3.5355, abs=1e-3)
    assert Stage("nothing").as_json() == {"name": "nothing", "steps": 0}


def test_targets_are_met_or_not() -> None:
    assert Figure("a", 5.0, "ms", target=4.0).met is False
    assert Figure("a", 5.0, "x", higher_is_better=True, target=4.0).met is True
    assert Figure("a", None, "ms", target=4.0).met is None


def test_slower_figures_are_named() -> None:
    old = report(Figure("fast", 100.0, "x", higher_is_better=True), Figure("cost", 1.0, "ms"))
    new = report(
        Figure("fast", 80.0, "x", higher_is_better=True),
        Figure("cost", 1.05, "ms"),
        Figure("more", 9.0, "ms"),
    )
    assert new.slower_than(old.as_json()) == ["fast got 20 % worse: 100 → 80 x."]
    assert old.slower_than(new.as_json()) == []
    with pytest.raises(BadInputError, match="not a report"):
        new.slower_than({"figures": 3})


def test_markdown_has_every_figure() -> None:
    text = report(Figure("fast", 100.0, "x", higher_is_better=True, target=200.0)).as_markdown()
    assert "| fast | 100 x | ≥ 200 | NO |" in text


def test_parallel_streams_judge_every_block() -> None:
    streams = live.run(model_choice.load("transients"), 16_000, count=3, seconds=0.5)
    assert len(streams.late_s) + streams.blocks_skipped == 3 * 5
    assert streams.as_json()["streams"] == 3


def test_most_streams_are_found() -> None:
    tried: list[int] = []

    def attempt(count: int) -> live.Streams:
        tried.append(count)
        return live.Streams(count, 1.0, late_s=[0.001 if count <= 11 else 1.0])

    found = live.most(attempt)
    assert max(one.count for one in found if one.carried) == 11
    assert min(one.count for one in found if not one.carried) == 12
    assert len(tried) <= 9


def test_benchmark_file_has_its_length(tmp_path: Path) -> None:
    import soundfile

    path = write_file(tmp_path / "a.flac", 61.5, 8_000)
    assert soundfile.info(path).frames == 61.5 * 8_000


def test_stream_prints_one_json_object_and_writes_its_report(tmp_path: Path) -> None:
    words = ["stream", "--seconds", "1", "--model", "transients", "--json", "--out", str(tmp_path)]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[0])
    assert found["mode"] == "stream"
    assert {"processor", "cores", "memory_mb", "python"} <= set(found["machine"])
    assert found["streams"][0]["streams"] == 1
    assert json.loads((tmp_path / "bench.json").read_text()) == found
    assert "stream_latency_p99" in (tmp_path / "bench.md").read_text()
    again = ["stream", "--seconds", "1", "--model", "transients", "--json"]
    result = CliRunner().invoke(command, [*again, "--compare", str(tmp_path / "bench.json")])
    assert result.exit_code == 0


@pytest.mark.parametrize("content", [None, "no json", "[1]"])
def test_invalid_report_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(command, ["stream", "--compare", str(path)])
    assert isinstance(result.exception, BadInputError)
