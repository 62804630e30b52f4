"""Files of IKAWA, ROEST, Kaleido, Giesen and Cropster: every field that each has, and back again.

The files are written here, after the form of public ones and of public programs that read them.
"""

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roastwatch.errors import BadInputError
from roastwatch.records import formats
from roastwatch.records.formats import own_json
from roastwatch.records.record import Properties, RoastRecord
from roastwatch.vocabulary import EventKind
from tests.support.xls import Rows, workbook
from tests.unit.test_formats import same

CHARGE, TURN, DRY = EventKind.CHARGE, EventKind.TURNING_POINT, EventKind.DRY_END
CRACK, CRACK_END = EventKind.FIRST_CRACK, EventKind.FIRST_CRACK_END
SECOND, DROP = EventKind.SECOND_CRACK, EventKind.DROP
NAN = float("nan")
FORMATS = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"


@dataclass
class Case:
    """A file, and every field of the record that it becomes."""

    name: str
    text: str
    source_format: str
    title: str
    at_s: list[float]
    columns: dict[str, list[float]]
    events: list[tuple[EventKind, float, float | None]]
    """Kind, second, bean temperature."""
    controls: list[tuple[float, str, float | None]] = field(default_factory=list)
    extras: dict[str, tuple[bool, list[float]]] = field(default_factory=dict)
    properties: Properties = field(default_factory=Properties)
    started_at: datetime | None = None
    fahrenheit: bool = False


IKAWA_X = Case(
    "IKAWA 2024-03-05 101112.csv",
    "time,fan set,setpoint,fan speed,temp above,state,heater,p,i,d,temp below,temp board,j,"
    "ror_above,abs_humidity,abs_humidity_roc,abs_humidity_roc_direction,adfc_timestamp,"
    "end_timestamp,tdf_error,pressure,total_moisture_loss,moisture_loss_rate\n"
    "0,90,60,11000,55.5,pre-heating,0,1,2,3,60,30,0,0,9,0,0,0,0,0,1013,0,0\n"
    "1,90,70,11100,80,doser open,40,1,2,3,90,30,0,0,9,0,0,0,0,0,1013,0,0\n"
    "2,85,80,11200,95,roasting,60,1,2,3,120,30,0,0,9,0,0,0,0,0,1013,0,0\n"
    "3,85,90,11300,190,roasting,60,1,2,3,210,30,0,0,10,0,0,2,0,0,1013,0,0\n"
    "4,85,90,11300,195,cooling,0,1,2,3,200,30,0,0,11,0,0,2,0,0,1013,0,0\n",
    "ikawa",
    "IKAWA 2024-03-05 101112",
    [0, 1, 2, 3, 4],
    {
        "bean_temp_c": [55.5, 80, 95, 190, 195],
        "environment_temp_c": [60, 90, 120, 210, 200],
        "heater_percent": [0, 40, 60, 60, 0],
        "fan_percent": [90, 90, 85, 85, 85],
    },
    [(CHARGE, 1, 80), (CRACK, 3, 190), (DROP, 4, 195)],
    [
        (0, "heater", 0), (0, "fan", 90), (1, "heater", 40), (2, "heater", 60), (2, "fan", 85),
        (4, "heater", 0),
    ],
    {
        "setpoint": (True, [60, 70, 80, 90, 90]),
        "fan rpm": (False, [11000, 11100, 11200, 11300, 11300]),
        "humidity": (False, [9, 9, 9, 10, 11]),
        "pressure": (False, [1013] * 5),
    },
    Properties(roaster="IKAWA"),
    datetime(2024, 3, 5, 10, 11, 13, tzinfo=UTC),
)  # fmt: skip
IKAWA_PRO = Case(
    "roast.csv",
    "time, fan set (%), temp set, fan speed (RPM), exaust temp, inlet temp, state, "
    "heater power (%)\n0.5, 80, 60, 9000, 50, -1, doser open, 30\n1.5, 80, 60, 9000, , 70, "
    "cooling, 30\n",
    "ikawa",
    "roast",
    [0, 1],
    {
        "bean_temp_c": [50, NAN], "environment_temp_c": [NAN, 70], "heater_percent": [30, 30],
        "fan_percent": [80, 80],
    },
    [(CHARGE, 0, 50), (DROP, 1, None)],
    [(0, "heater", 30), (0, "fan", 80)],
    {"setpoint": (True, [60, 60]), "fan rpm": (False, [9000, 9000])},
    Properties(roaster="IKAWA"),
)  # fmt: skip
ROEST = Case(
    "Guji - Batch 0042.csv",
    "\ufeffTime,Bean temp (°C),Air temp (°C),Drum temp (°C),Inlet temp (°C),Exhaust Temp (°C),"
    "Target (°C),Power (%),Fan (%),RPM (RPM),Total cracks (16 s),Event\n"
    "0,120,200,180,210,150,120,60,50,55,0,\n"
    "1000,110,201,181,211,151,121,60,50,55,0,\n"
    "2000,150,202,182,212,152,122,55,50,55,0,Yellowing\n"
    "3000,195,203,183,213,153,123,55,60,55,7,Firstcrack\n"
    "4000,204,204,184,214,154,124,50,60,55,31,\n",
    "roest",
    "Guji",
    [0, 1, 2, 3, 4],
    {
        "bean_temp_c": [120, 110, 150, 195, 204],
        "environment_temp_c": [200, 201, 202, 203, 204],
        "heater_percent": [60, 60, 55, 55, 50],
        "fan_percent": [50, 50, 50, 60, 60],
        "crack_count": [0, 0, 0, 7, 31],
    },
    [(CHARGE, 0, 120), (DRY, 2, 150), (CRACK, 3, 195), (DROP, 4, 204)],
    [(0, "heater", 60), (0, "fan", 50), (2, "heater", 55), (3, "fan", 60), (4, "heater", 50)],
    {
        "drum": (True, [180, 181, 182, 183, 184]), "inlet": (True, [210, 211, 212, 213, 214]),
        "exhaust": (True, [150, 151, 152, 153, 154]), "target": (True, [120, 121, 122, 123, 124]),
        "rpm": (False, [55] * 5),
    },
    Properties(roaster="ROEST", batch="0042"),
)  # fmt: skip
KALEIDO = Case(
    "M1.csv",
    "KLDO data file V101\n\n[{CookDate}]\n25-05-18 19:32:48\n[{Comment}]\nSidamo\n"
    "[{TotalTime}]\n00:08\n[{PreTemp}]\n200\n[{EVENT}]\n[{StartBeansIn}]\n200@00:01\n"
    "[{TemperBack}]\n105@00:03\n[{TurntoYellow}]\n150@00:04\n[{1stBoomStart}]\n190@00:06\n"
    "[{1stBoomEnd}]\n\n[{2ndBoomStart}]\n200@00:07\n[{BeansColdDown}]\n205@00:08\n[{DATA}]\n"
    "Index,Time,BT,ET,RoR,SV,HPM,HP,SM,RL,PS\n"
    "0,0,200,210,0,200,M,100,50,30,O\n1,1500,180,220,5,200,M,100,50,30,O\n"
    "2,3000,105,240,10,200,M,90,50,30,O\n3,4500,150,241,8,200,M,90,55,30,O\n"
    "4,6000,190,245,7,201,M,80,55,30,O\n5,7500,205,250,5,201,M,80,55,30,O\n",
    "kaleido",
    "Sidamo",
    [0, 1.5, 3, 4.5, 6, 7.5],
    {
        "bean_temp_c": [200, 180, 105, 150, 190, 205],
        "environment_temp_c": [210, 220, 240, 241, 245, 250],
        "heater_percent": [100, 100, 90, 90, 80, 80],
        "fan_percent": [50, 50, 50, 55, 55, 55],
        "drum_percent": [30] * 6,
    },
    [
        (CHARGE, 1.5, 180), (TURN, 3, 105), (DRY, 4.5, 150), (CRACK, 6, 190), (SECOND, 7.5, 205),
        (DROP, 7.5, 205),
    ],
    [
        (0, "heater", 100), (0, "fan", 50), (0, "drum", 30), (3, "heater", 90), (4.5, "fan", 55),
        (6, "heater", 80),
    ],
    {"set": (True, [200, 200, 200, 200, 201, 201])},
    Properties(roaster="Kaleido"),
    datetime(2025, 5, 18, 19, 32, 49, 500_000, tzinfo=UTC),
)  # fmt: skip
GIESEN = Case(
    "W6.csv",
    "time,beans,air,ror,power,speed,pressure\n0,190.5,210,0,80,55,-60\n1,150,211,-9,80,55,-60\n"
    "2,120,212,5,70,60,-55\n",
    "giesen",
    "W6",
    [0, 1, 2],
    {
        "bean_temp_c": [190.5, 150, 120], "environment_temp_c": [210, 211, 212],
        "heater_percent": [80, 80, 70], "drum_percent": [55, 55, 60],
    },
    [(CHARGE, 0, 190.5)],
    [(0, "heater", 80), (0, "drum", 55), (2, "heater", 70), (2, "drum", 60)],
    {"pressure": (False, [-60, -60, -55]), "ror": (False, [0, -9, 5])},
    Properties(roaster="Giesen"),
)  # fmt: skip
CROPSTER = Case(
    "Curve - Bean temperature.csv",
    "Time (s),Value (FAHRENHEIT)\n-1,392\n0,374\n1,212\n",
    "cropster",
    "Curve - Bean temperature",
    [0, 1, 2],
    {"bean_temp_c": [200, 190, 100]},
    [(CHARGE, 1, 190)],
    fahrenheit=True,
)
WORKBOOK = Case(
    "PR-0042.xls",
    "",
    "cropster",
    "Filter, light",
    [0, 1, 2, 3, 4, 5],
    {
        "bean_temp_c": [200, 190, 100, 150, 196, 205],
        "environment_temp_c": [NAN, 210, 215, 220, 225, 230],
    },
    [
        (CHARGE, 1, 190), (TURN, 2, 100), (DRY, 3, 150), (CRACK, 4, 196), (CRACK_END, 5, 205),
        (SECOND, 5, 205), (DROP, 5, 205),
    ],
    [(1, "gas", 80), (2, "airflow", 40), (3, "note", None), (4, "note", None)],
    {
        "Drum temp.": (True, [180, 181, 182, 183, 184, 185]),
        "Gas control": (False, [80, 80, 80, 60, 60, 60]),
    },
    Properties(
        bean_name="Guji, washed", green_weight_g=2000, roasted_weight_g=1700, colour_whole=85,
        colour_ground=90, roaster="P5", operator="Ada", batch="PR-0042", ambient_temp_c=21.5,
        rating=86.25, notes="slow start", cupping_notes="peach",
    ),
    datetime(2024, 3, 5, 10, 11, 12, tzinfo=UTC),
)  # fmt: skip
_DAY = 45356 + (10 * 3600 + 11 * 60 + 12) / 86400
ENGLISH: dict[str, Rows] = {
    "General": [
        ["Id-Tag", "Lot name", "Profile", "Machine", "Roast technician", "Date", "Start weight",
         "Start weight unit", "End weight", "End weight unit", "Sensorial score", "Roast value",
         "Roast value 2", "Ambient temp.", "Roasting notes", "Sensorial notes"],
        ["PR-0042", "Guji, washed", "Filter, light", "P5", "Ada", _DAY, 2.0, "KG", 1700.0, "G",
         86.25, 85.0, 90.0, 21.5, "slow start", "peach"],
    ],
    "Comments": [
        ["Time (s)", "Temperature", "Type", "Value"],
        [0.0, 190.0, "Gas", 80.0],
        [1.0, 100.0, "Turning point", ""],
        [1.0, 100.0, "Airflow", "40"],
        [2.0, 150.0, "Color change", ""],
        [2.0, 150.0, "Comment", "smells of hay"],
        [3.0, 196.0, "First crack", ""],
        [3.0, 196.0, "Drum", "55 rpm"],
        [4.0, 205.0, "First crack end", ""],
        [4.0, 205.0, "Second crack", ""],
        [4.0, 205.0, "Duration", "00:04"],
        [900.0, 205.0, "First crack", "of another roast"],
        ["soon", 1.0, "Gas", 1.0],
    ],
    "Curve - Bean temperature": [
        ["Time (s)", "Value (CELSIUS)"],
        *([second - 1.0, value] for second, value in enumerate((200.0, 190, 100, 150, 196, 205))),
    ],
    "Curve - Env. temp.": [
        ["Time (s)", "Value (CELSIUS)"],
        [0.0, 210.0], [2.0, 220.0], [4.0, 230.0],
    ],
    "Curve - Drum temp.": [
        ["Time (s)", "Value (CELSIUS)"],
        *([second - 1.0, 180.0 + second] for second in range(6)),
    ],
    "Curve - Gas control": [
        ["Time (s)", "Value (PERCENT)"],
        *([second - 1.0, 80.0 if second < 3 else 60.0] for second in range(6)),
    ],
    "Curve - Airflow": [["Time (s)", "Value"]],
}  # fmt: skip
CASES = [IKAWA_X, IKAWA_PRO, ROEST, KALEIDO, GIESEN, CROPSTER]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Times in files are local."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def _equal(found: Any, wanted: list[float]) -> bool:
    return np.allclose(found, wanted, equal_nan=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.source_format}:{case.name}")
def test_every_field_is_read_and_survives_our_own_json(case: Case) -> None:
    # The name of another format: the content decides.
    record = formats.read(case.text.encode(), case.name)
    check(record, case)
    again = formats.read(own_json.write(record).encode(), case.name)
    assert same(record, again)
    other = formats.read(case.text.encode("utf-8-sig"), "x.alog")
    assert other.source_format == case.source_format


def test_every_field_of_a_workbook_is_read_and_survives_our_own_json() -> None:
    content = workbook(ENGLISH)
    record = formats.read(content, WORKBOOK.name)
    check(record, WORKBOOK)
    assert [one.text for one in record.controls] == ["80", "40", "smells of hay", "Drum: 55 rpm"]
    assert same(record, formats.read(own_json.write(record).encode(), WORKBOOK.name))
    assert formats.read(content, "x.alog").source_format == "cropster"


def test_a_workbook_in_german_and_fahrenheit_without_marks() -> None:
    record = formats.read(
        workbook(
            {
                "Allgemein": [["ID-Tag", "Profil", "Raumtemp."], [42.0, "Hell", 68.0]],
                "Kommentare": [["Zeit", "", "Art", "Wert"], [2.0, 0.0, "1. Crack", ""]],
                "Kurve - Bohnentemperatur": [
                    ["Zeit (s)", "Wert (FAHRENHEIT)"], [0.0, 392.0], [1.0, -1.0], [2.0, 374.0],
                ],
                "Kurve - Ablufttemp.": [["Zeit (s)", "Wert (FAHRENHEIT)"], [0.0, 212.0]],
            }
        ),
        "a.xls",
    )  # fmt: skip
    assert (record.title, record.fahrenheit, record.properties.batch) == ("Hell", True, "42")
    assert record.properties.ambient_temp_c == pytest.approx(20)
    assert _equal(record.columns["bean_temp_c"], [200, NAN, 190])
    assert _equal(record.columns["environment_temp_c"], [100, NAN, NAN])
    assert [(e.kind, e.at_s) for e in record.events] == [(CHARGE, 0), (CRACK, 2), (DROP, 2)]


def test_a_damaged_or_foreign_workbook_is_one_sentence() -> None:
    content = workbook(ENGLISH)
    with pytest.raises(BadInputError, match="in English or German"):
        formats.read(workbook({"Sheet1": [["a", 1.0]]}), "a.xls")
    with pytest.raises(BadInputError, match="8 MB"):
        formats.read(content.ljust(9 << 20, b"\0"), "a.xls")
    for length in range(8, len(content), 1021):
        with contextlib.suppress(BadInputError):
            formats.read(content[:length], "a.xls")
    for place in range(8, len(content), 211):
        broken = bytearray(content)
        broken[place] ^= 0xFF
        with contextlib.suppress(BadInputError):
            formats.read(bytes(broken), "a.xls")


DOCUMENTED = {
    "IKAWA": [IKAWA_X, IKAWA_PRO],
    "ROEST": [ROEST],
    "Kaleido": [KALEIDO],
    "Giesen": [GIESEN],
    "Cropster `.xls`": [WORKBOOK],
    "Cropster sheet as CSV": [CROPSTER],
}


def test_the_documented_table_says_which_fields_each_format_has() -> None:
    _, _, section = FORMATS.read_text().partition("## What each program's file has")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].split("\n")
        if line.startswith("|") and not line.startswith("|---")
    ]
    table = {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[1:]}
    assert set(rows[0][1:]) == set(DOCUMENTED)
    for name, cases in DOCUMENTED.items():
        kinds = {kind for case in cases for kind, _, _ in case.events}
        noted = {what for case in cases for _, what, _ in case.controls}
        has = {
            "time": True,
            "bean temperature": all("bean_temp_c" in case.columns for case in cases),
            "environment temperature": any("environment_temp_c" in one.columns for one in cases),
            "heat, fan, drum": bool(noted - {"note"}),
            "charge": CHARGE in kinds,
            "turning point, dry end": bool(kinds & {TURN, DRY}),
            "first crack": CRACK in kinds,
            "second crack": SECOND in kinds,
            "drop": DROP in kinds,
            "notes on the curve": "note" in noted,
            "further curves": any(case.extras for case in cases),
            "start": any(case.started_at for case in cases),
            "properties": any(set(case.properties.as_json()) - {"roaster"} for case in cases),
        }
        for field_, known in has.items():
            assert (table[field_][name] != "–") is known, (name, field_)


def check(record: RoastRecord, case: Case) -> None:
    assert record.source_format == case.source_format
    assert record.source_file == case.name
    assert record.title == case.title
    assert _equal(record.at_s, case.at_s)
    assert set(record.columns) == set(case.columns)
    for name, wanted in case.columns.items():
        assert _equal(record.columns[name], wanted), name
    assert [(e.kind, e.at_s, e.bean_temp_c) for e in record.events] == [
        (kind, at_s, None if temp is None else pytest.approx(temp))
        for kind, at_s, temp in case.events
    ]
    assert [(c.at_s, c.what, c.value) for c in record.controls] == case.controls
    found = {curve.name: (curve.temperature, curve.values) for curve in record.extras}
    assert set(found) == set(case.extras)
    for name, (temperature, values) in case.extras.items():
        assert found[name][0] is temperature, name
        assert _equal(found[name][1], values), name
    assert record.properties == case.properties
    assert record.started_at == case.started_at
    assert record.fahrenheit is case.fahrenheit
    assert record.warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "time,fan set,temp above,state\n",
        "time,fan set,temp above,state\n1,2,3,roasting\n0,2,3,roasting\n",
        "Time,Bean temp (°C),Event\nsoon,1,\n",
        "[{DATA}]\n",
        "[{DATA}]\nIndex,Time,BT,ET\n",
        "beans,air,power\n",
        "Time (s),Value (CELSIUS)\nx,1\n",
    ],
)
def test_a_damaged_file_is_one_sentence(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^bad\.csv"):
        formats.read(text.encode(), "bad.csv")
