"""Plots in every theme, size and format, of complete and of unusual roasts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from roastwatch.cli import cli
from roastwatch.plots import more as pictures_more
from roastwatch.plots import picture as pictures
from roastwatch.records.record import RoastRecord
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind
from tests.support.made_roasts import made_roast


def test_png_svg_and_pdf() -> None:
    record = made_roast()
    png = pictures.roast_png(record)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(png[n : n + 4], "big") for n in (16, 20))
    assert (width, height) == (1080, 1440)
    svg = pictures.roast_picture(record, format_="svg", theme="dark").decode()
    for word in (
        "Guji, washed",
        "first crack 8:15",
        "development",
        "heater",
        "pops a minute",
        "rate of rise",
    ):
        assert word in svg
    assert pictures.roast_picture(record, format_="svg", theme="dark").decode() == svg
    assert pictures_more.report_pdf(record)[:5] == b"%PDF-"


def test_unusual_roasts_are_drawn() -> None:
    record = made_roast()
    heard = replace(record, at_s=np.empty(0), columns={})
    bare = RoastRecord("r", "", None, np.empty(0))
    cut = replace(record, events=record.events[:1], pops=())
    lost = replace(record, events=(), columns={"bean_temp_c": np.full(len(record.at_s), np.nan)})
    for odd in (heard, bare, cut, lost):
        assert pictures.roast_picture(odd, size="small", fahrenheit=True)[:4] == b"\x89PNG"
    assert "pops a minute" in pictures.roast_picture(heard, format_="svg").decode()


def test_overlay_and_spectrogram() -> None:
    records = [made_roast(seed=n, first_crack_s=470 + 20 * n, title=f"T{n}") for n in range(3)]
    svg = pictures_more.overlay_picture(records, format_="svg").decode()
    assert "T0, 2026-03-14" in svg
    assert "T2, 2026-03-14" in svg
    sound = np.random.default_rng(0).normal(0, 0.01, 16_000 * 3).astype(np.float32)
    sound[20_000:20_030] += 0.8
    svg = pictures_more.spectrogram_picture(
        sound, 16_000, pops=[(11.25, 0.9), (99.0, 1.0)], from_s=10.0, format_="svg", size="small"
    ).decode()
    assert "1 pops" in svg
    assert pictures_more.spectrogram_picture(sound[:10], 16_000, size="small")[:4] == b"\x89PNG"


def test_by_command(tmp_path: Path) -> None:
    log = tmp_path / "a.db"
    with Store(log, create=True) as store:
        store.import_record(made_roast())
        store.import_record(made_roast(seed=1, title="Another"))

    def run(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["roasts", "--log", str(log), *map(str, words)])
        return result.exit_code, result.output + str(result.exception or "")

    assert run("plot", "made-0", "--to", tmp_path / "a.png")[0] == 0
    assert run("plot", "last", "--to", tmp_path / "a.svg", "--theme", "dark")[0] == 0
    assert run("plot", "last", "--report", "--to", tmp_path / "a.pdf")[0] == 0
    code, said = run("compare", "made-0", "made-1", "--to", tmp_path / "b.png")
    assert code == 0
    assert "Another" in said
    assert "first crack" in said
    for name in ("a.png", "a.svg", "a.pdf", "b.png"):
        assert (tmp_path / name).stat().st_size > 10_000
    code, said = run("plot", "last", "--to", tmp_path / "a.bmp")
    assert code == 1
    assert ".png, .svg or .pdf" in said


@pytest.mark.parametrize("kind", [EventKind.DRY_END, EventKind.DROP, EventKind.CHARGE])
def test_roast_with_a_missing_event_is_drawn(kind: EventKind) -> None:
    record = made_roast()
    without = replace(record, events=tuple(e for e in record.events if e.kind is not kind))
    assert pictures.roast_picture(without, size="small")[:4] == b"\x89PNG"


def test_profile_is_drawn_behind_the_roast() -> None:
    record = made_roast()
    profile = [(60.0, 110.0), (300.0, 150.0), (540.0, 196.0)]
    plain = pictures.roast_picture(record, format_="svg")
    with_profile = pictures.roast_picture(record, format_="svg", background=profile)
    assert b"profile" in with_profile
    assert b"profile" not in plain
    fahrenheit = pictures.roast_picture(record, format_="svg", background=profile, fahrenheit=True)
    assert b"profile" in fahrenheit
