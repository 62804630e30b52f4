"""Plans over HTTP: listed, checked by their own models, changed by one at a time, rehearsed."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from roastwatch.roaster.plans.plan import Plan, parse_plan, read_plan
from roastwatch.vocabulary import InstructionKind, Phase, Snapshot
from roastwatch.web.plans.files import written
from tests.support.checked_client import TOKEN, Client
from tests.support.http import Person, request, send, serving

PLAN = "/plans/{plan_id}"
SIMPLE: dict[str, Any] = {
    "name": "Gentle Röst",
    "steps": [
        {"at_s": 0, "heater_percent": 60, "fan_percent": 40, "drum_percent": 100},
        {"at_event": "first_crack", "after_s": 20, "heater_percent": 40, "note": "0o14 # no: int"},
        {"at_s": 600, "door_percent": 100, "drop": True},
    ],
    "target": [[120, 115.5], [600, 190]],
    "follow": True,
}
TEXT = "# Mine\n# and hers\nname: Old\nsteps:\n  - {at_s: 0, heater_percent: 75}\n"
IDLE = Snapshot("kitchen", datetime.now(UTC), profile="old", profiles=("no profile", "old"))


def offered(folder: Path) -> Mapping[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


@contextlib.asynccontextmanager
async def client(
    folder: Path, snapshot: Snapshot = IDLE, person: Person | None = None
) -> AsyncIterator[Client]:
    async with (
        serving(
            person, {"kitchen": snapshot}, plans=[folder], offered=lambda _: offered(folder)
        ) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        yield Client(session)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.yaml").write_text(TEXT)
    return tmp_path


def given(revision: str, plan: Mapping[str, Any] = SIMPLE) -> dict[str, Any]:
    return {"json": {"plan": plan}, "headers": {"If-Match": f'"{revision}"'}}


async def test_a_plan_is_added_under_a_name_of_its_own_and_listed(folder: Path) -> None:
    async with client(folder) as ask:
        fresh = await ask("POST", "/plans", 201, json={"plan": SIMPLE})
        again = await ask("POST", "/plans", 201, json={"plan": SIMPLE | {"name": "../Gentle röst"}})
        assert (fresh["plan_id"], again["plan_id"]) == ("gentle-roest", "gentle-roest-2")
        assert read_plan(folder / "gentle-roest.yaml") == Plan.model_validate(SIMPLE)
        found = await ask("GET", "/plans")
    assert [row["name"] for row in found["plans"]] == ["../Gentle röst", "Gentle Röst", "Old"]
    row = found["plans"][1]
    assert (row["steps"], row["follow"], row["curve"]) == (3, True, [[120, 115.5], [600, 190]])
    assert row["choices"] == {"kitchen": "gentle-roest"}
    assert found["can_add"]


async def test_two_editors_never_overwrite_each_other(folder: Path) -> None:
    async with client(folder, replace(IDLE, profile=None)) as ask:
        first = await ask("GET", "/plans/old", template=PLAN)
        changed = await ask("PUT", "/plans/old", template=PLAN, **given(first["revision"]))
        assert (folder / "old.yaml").read_text().startswith("# Mine\n# and hers\nname: ")
        lost = await ask("PUT", "/plans/old", 412, template=PLAN, **given(first["revision"]))
        assert "meanwhile" in lost["error"]
        await ask("PUT", "/plans/old", 428, template=PLAN, json={"plan": SIMPLE})
        await ask("DELETE", "/plans/old", 412, template=PLAN, **given(first["revision"]))
        await ask("DELETE", "/plans/old", template=PLAN, **given(changed["revision"]))
    assert list(folder.iterdir()) == []


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"steps": []}, "steps", "at least 1"),
    ({"steps": [{"at_s": 0, "heater_percent": 101}]}, "steps[0].heater_percent", "100"),
    ({"steps": [{"heater_percent": 1}]}, "steps[0]", "needs one of at_s"),
    ({"steps": [{"at_s": 9, "drop": True}, {"at_s": 10, "heater_percent": 5}]}, "steps[1]",
     "heats after the drop"),
    ({"steps": [{"at_s": 0, "heat": 5}]}, "steps[0].heat", "is not a key"),
    ({"target": [["x", 1]]}, "target[0][0]", "number"),
    ({"name": ""}, "name", "characters"),
    ({"name": "a\nb"}, "name", "control"),
    ({"background": "../../etc/passwd"}, "background", "recorded roast"),
    ({"background": "/etc/passwd"}, "background", "recorded roast"),
    ({"follow": True, "target": []}, "follow", "follow needs"),
    ({"steps": [{"at_s": 0}] * 201}, "steps", "at most 200"),
]  # fmt: skip


async def test_what_is_wrong_with_a_plan_is_said_with_its_field(folder: Path) -> None:
    async with client(folder) as ask:
        for change, field, said in WRONG:
            for path in ("/plans", "/plans/rehearse"):
                found = await ask("POST", path, 400, json={"plan": SIMPLE | change})
                assert (found.get("field", ""), said in found["error"]) == (field, True), found
    assert [path.name for path in folder.iterdir()] == ["old.yaml"]


async def test_a_plan_that_a_roast_follows_is_not_changed(folder: Path) -> None:
    person = Person()
    roasting = replace(IDLE, phase=Phase.MAILLARD, roast_id="r1")
    async with client(folder, roasting, person) as ask:
        revision = (await ask("GET", "/plans/old", template=PLAN))["revision"]
        said = await ask("PUT", "/plans/old", 409, template=PLAN, **given(revision))
        assert "Kitchen is roasting with this plan" in said["error"]
        await ask("DELETE", "/plans/old", 409, template=PLAN, **given(revision))
    assert (folder / "old.yaml").read_text() == TEXT
    assert person.asked == []


async def test_a_selected_plan_is_read_again_when_it_changes(folder: Path) -> None:
    person = Person()
    async with client(folder, person=person) as ask:
        revision = (await ask("GET", "/plans/old", template=PLAN))["revision"]
        await ask("PUT", "/plans/old", template=PLAN, **given(revision))
        said = await ask("DELETE", "/plans/old", 409, template=PLAN, **given(revision))
    assert "has this plan selected" in said["error"]
    assert [(one.kind, one.value) for one in person.asked] == [(InstructionKind.PROFILE, "old")]


async def test_a_damaged_or_distant_plan_is_shown_but_not_changed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    distant = tmp_path_factory.mktemp("config") / "far.yaml"
    distant.write_text("steps: [{at_s: 0}]")
    (folder / "broken.yaml").write_text("steps: [{at_s: -1}]")
    async with (
        serving(None, {"kitchen": IDLE}, plans=[folder],
                offered=lambda _: {"far": distant}) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):  # fmt: skip
        ask = Client(session)
        broken = await ask("GET", "/plans/broken", template=PLAN)
        assert broken["plan"] is None
        assert "broken.yaml: steps[0].at_s" in broken["problem"]
        far = await ask("GET", "/plans/far", template=PLAN)
        assert (far["editable"], far["choices"]) == (False, {"kitchen": "far"})
        await ask("PUT", "/plans/far", 409, template=PLAN, **given(far["revision"]))
        await ask("PUT", "/plans/broken", template=PLAN, **given(broken["revision"]))


IDS = ("..%2Fold", "%2Fetc%2Fpasswd", "old.yaml", ".", "%00", "x" * 2000, "..%5Cold", "%ff")


async def test_names_of_plans_reach_no_other_file(folder: Path) -> None:
    async with serving(None, {"kitchen": IDLE}, plans=[folder / "plans"]) as api:
        for plan_id in IDS:
            for method in ("GET", "PUT", "DELETE"):
                raw = request(f"/api/v1/plans/{plan_id}", {"plan": SIMPLE}, method, If_Match='"x"')
                answer = await send(api.port, raw)
                assert answer.status in (400, 404, 405), (plan_id, method, answer)
                assert json.loads(answer.body)["error"]
    assert [path.name for path in folder.iterdir()] == ["old.yaml"]


async def test_viewers_and_agents_change_no_plan(folder: Path) -> None:
    async with serving(
        None, {"kitchen": IDLE}, plans=[folder], viewer_token="look", agent_token="bot"
    ) as api:
        for method, path in (
            ("POST", ""), ("PUT", "/old"), ("DELETE", "/old"), ("POST", "/rehearse"),
        ):  # fmt: skip
            for word in ("look", "bot"):
                raw = request(f"/api/v1/plans{path}", {"plan": SIMPLE}, method,
                              Authorization=f"Bearer {word}", If_Match='"x"')  # fmt: skip
                assert (await send(api.port, raw)).status == 403
    assert (folder / "old.yaml").read_text() == TEXT


async def test_the_profile_of_a_station_is_thinned(folder: Path) -> None:
    points = [(float(at_s), 100.0) for at_s in range(2500)]
    async with (
        serving(None, {"kitchen": IDLE}, profile=lambda _: points) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        ask = Client(session)
        where = "/stations/{station}/profile"
        found = await ask("GET", "/stations/kitchen/profile", template=where)
        await ask("GET", "/stations/attic/profile", 404, template=where)
        none = await ask("GET", "/plans")
    assert (found["name"], len(found["points"])) == ("old", 834)
    assert none == {"plans": [], "recorded": [], "can_add": False}


def test_a_plan_is_written_as_people_write_it() -> None:
    plan = parse_plan(
        SIMPLE | {"pid": {"gain_percent_per_c": 2.5}, "first_crack_level": "possible"}
    )
    assert written(plan).splitlines() == [
        'name: "Gentle Röst"',
        "steps:",
        "  - {at_s: 0, heater_percent: 60, fan_percent: 40, drum_percent: 100}",
        '  - {at_event: "first_crack", after_s: 20, heater_percent: 40, note: "0o14 # no: int"}',
        '  - {at_s: 600, door: "open", drop: true}',
        "target: [[120, 115.5], [600, 190]]",
        'first_crack_level: "possible"',
        "follow: true",
        "pid: {gain_percent_per_c: 2.5}",
    ]
