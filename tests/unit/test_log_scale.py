"""A log of many roasts works like a small one; its figures are printed, not asserted."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from roastwatch.bench import roast_log as log_bench
from roastwatch.cli import cli


def test_log_benchmark_gives_every_figure() -> None:
    result = CliRunner().invoke(cli, ["roasts", "bench", "--roasts", "12", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["roasts"] == 12
    assert figures["readings"] == 12 * 900
    assert 0.1 < figures["size_mb"] < 10
    assert all(figures[key] > 0 for key in ("list_ms", "record_ms", "plot_ms"))


@pytest.mark.verify
@pytest.mark.timeout(1200)
def test_ten_years_of_roasts(tmp_path: Path) -> None:
    figures = log_bench.measure(tmp_path / "roasts.db")
    print(f"\n{json.dumps(figures.as_json())}")
    assert figures.size_mb < 500
