"""Reading Artisan's profiles: both forms, both units, unset marks, escapes, damage."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roastwatch.errors import BadInputError
from roastwatch.records import formats
from roastwatch.records.formats import alog_write, literal
from roastwatch.records.metrics import metrics
from roastwatch.vocabulary import EventKind


def profile(**changes: Any) -> dict[str, Any]:
    """A synthetic roast, every 2 s: charge at 10 s, turning point at 70 s, drop at 610 s."""
    timex = [0.4 + 2.0 * n for n in range(330)]
    beans = []
    for n in range(330):
        since = 2.0 * n - 10.0
        if since < 0:
            beans.append(180.0)
        elif since <= 60:
            beans.append(180.0 - 1.5 * since)
        elif since <= 600:
            beans.append(90.0 + (since - 60) * 0.2)
        else:
            beans.append(198.0 - (since - 600))
    beans = [round(t, 3) for t in beans]
    return {
        "mode": "C",
        "title": "A roast",
        "timex": timex,
        "temp1": [t + 20 for t in beans],
        "temp2": beans,
        "timeindex": [5, 155, 245, 275, 0, 0, 305, 0],
        "roastepoch": 1_700_000_000,
        "roastUUID": "0123456789abcdef0123456789abcdef",
        "specialevents": [5, 100],
        "specialeventstype": [3, 0],
        "specialeventsvalue": [8.0, 5.5],
        "specialeventsStrings": ["", "more air"],
        "etypes": ["Air", "Drum", "Damper", "Burner", "--"],
        "weight": [0.25, 0.21, "Kg"],
    } | changes


def write(folder: Path, tree: Any, name: str = "a.alog") -> Path:
    path = folder / name
    path.write_text(repr(tree), encoding="utf-8")
    return path


def test_literal_and_json_give_the_same_record(tmp_path: Path) -> None:
    one = formats.read_file(write(tmp_path, profile()))
    path = tmp_path / "b.json"
    path.write_text(json.dumps(profile()), encoding="utf-8")
    other = formats.read_file(path)
    assert one.events == other.events
    assert one.fingerprint() == other.fingerprint()
    figures = metrics(one)
    assert figures.turning_point_s == pytest.approx(60)
    assert figures.dry_end_s == pytest.approx(300)
    assert figures.first_crack_s == pytest.approx(480)
    assert figures.drop_s == pytest.approx(600)
    assert figures.development_s == pytest.approx(120)
    assert figures.development_ratio_percent == pytest.approx(20)
    assert figures.maillard_ror_c_per_min == pytest.approx(12)
    assert one.properties.green_weight_g == 250
    assert [c.what for c in one.controls] == ["heater", "fan"]
    assert [c.value for c in one.controls] == [70, 45]


def test_fahrenheit_becomes_celsius_and_dropouts_stay_unknown(tmp_path: Path) -> None:
    celsius = profile()
    fahrenheit = profile(
        mode="F",
        temp1=[t * 1.8 + 32 for t in celsius["temp1"]],
        temp2=[-1.0 if n == 20 else t * 1.8 + 32 for n, t in enumerate(celsius["temp2"])],
    )
    record = formats.read_file(write(tmp_path, fahrenheit))
    assert record.bean_temp_c[0] == pytest.approx(180)
    assert math.isnan(record.bean_temp_c[20])
    crack = record.event(EventKind.FIRST_CRACK)
    assert crack is not None
    assert crack.bean_temp_c == pytest.approx(174)


@pytest.mark.parametrize("unset", [0, -1])
def test_unset_marks_are_unknown(tmp_path: Path, unset: int) -> None:
    places = [5, unset, unset, unset, unset, unset, 305, unset]
    record = formats.read_file(write(tmp_path, profile(timeindex=places)))
    assert [event.kind for event in record.events] == [EventKind.CHARGE, EventKind.DROP]
    figures = metrics(record)
    assert figures.first_crack_s is None
    assert figures.development_s is None
    assert figures.drop_s == pytest.approx(600)


def test_record_without_a_charge_has_no_times_from_charge(tmp_path: Path) -> None:
    record = formats.read_file(write(tmp_path, profile(timeindex=[-1, 0, 245, 0, 0, 0, 305, 0])))
    assert [event.kind for event in record.events] == [EventKind.FIRST_CRACK, EventKind.DROP]
    assert set(metrics(record).promised().values()) == {None}


def test_charge_may_be_the_first_sample(tmp_path: Path) -> None:
    record = formats.read_file(write(tmp_path, profile(timeindex=[0, 0, 245, 0, 0, 0, 305])))
    assert metrics(record).first_crack_s == pytest.approx(490)


def test_escapes_and_non_ascii_letters_are_read() -> None:
    assert literal.unescape("Caf\\xe9\\nS\\u00e3o \\\\ Zürich 日本") == "Café\nSão \\ Zürich 日本"
    for text in ("plain", "Café\n日本 \\n 🔥", "a\tb'c\"d"):
        assert literal.unescape(literal.escape(text)) == text


def test_numpy_scalars_and_nan_are_numbers() -> None:
    assert literal.parse("{'a': [np.float64(1.5), -2, +3]}", "x") == {"a": [1.5, -2, 3]}
    assert math.isnan(literal.parse("{'a': nan}", "x")["a"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "hello",
        "{'timex': [1, 2",
        "{'title': 'no curves'}",
        "[1, 2, 3]",
        "__import__('os').system('true')",
        "{'timex': [__import__('os').getcwd()], 'temp2': [1]}",
        "{'timex': [1 for _ in range(3)], 'temp2': [1]}",
        "[" * 5000,
        repr(profile(timex=[1.0])),
        repr(profile(timex=[])),
        repr(profile(timex="abc")),
        repr(profile(temp2=["x"] * 330)),
        repr(profile(timeindex="soon")),
        repr(profile(timex=[float(-n) for n in range(330)])),
        "{'timex': [1], 'temp2': [1]}\0\0\0",
    ],
)
def test_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.alog"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError) as raised:
        formats.read_file(path)
    assert str(raised.value).startswith("bad.alog")
    assert "\n" not in str(raised.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(profile())), _JSON)
def test_any_value_in_a_profile_is_read_or_refused(key: str, value: Any) -> None:
    tree = profile(**{key: value})
    try:
        record = formats.read(repr(tree).encode("utf-8", "replace"), "odd.alog")
    except BadInputError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either outcome is right)
        return
    metrics(record)
    again = formats.read(alog_write.write(record).encode("utf-8", "replace"), "odd.alog")
    assert metrics(again) == metrics(record)


def test_start_without_epoch_comes_from_day_time_and_offset(tmp_path: Path) -> None:
    odd = profile(roastisodate="2025-08-17", roasttime="16:12:45", roasttzoffset=18000)
    del odd["roastepoch"]
    record = formats.read_file(write(tmp_path, odd))
    assert record.started_at == datetime(2025, 8, 17, 21, 12, 45, tzinfo=UTC)


def test_real_profiles_match_their_own_figures(shared: Path) -> None:
    files = sorted((shared / "data/telemetry/artisan").glob("*.alog"))
    assert files
    for file in files:
        record = formats.read_file(file)
        theirs = record.foreign["computed"]
        ours = metrics(record)
        sample_s = record.foreign["samplinginterval"]
        for mine, key in (
            (ours.turning_point_s, "TP_time"),
            (ours.dry_end_s, "DRY_time"),
            (ours.first_crack_s, "FCs_time"),
            (ours.drop_s, "DROP_time"),
        ):
            if key in theirs:
                assert mine == pytest.approx(theirs[key], abs=sample_s), (file.name, key)
        for mine, key in (
            (ours.drying_ror_c_per_min, "dry_phase_ror"),
            (ours.maillard_ror_c_per_min, "mid_phase_ror"),
            (ours.development_ror_c_per_min, "finish_phase_ror"),
            (ours.total_ror_c_per_min, "total_ror"),
        ):
            if key in theirs:
                assert mine == pytest.approx(theirs[key], abs=0.051), (file.name, key)
        for kind, key in ((EventKind.FIRST_CRACK, "FCs_BT"), (EventKind.DROP, "DROP_BT")):
            event = record.event(kind)
            if event is not None and key in theirs:
                assert event.bean_temp_c == pytest.approx(theirs[key], abs=0.051), file.name
