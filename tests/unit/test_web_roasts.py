"""The pages of recorded roasts over HTTP: list, one roast, corrections, tastings, beans, files."""

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from roastwatch.records import formats
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import Phase, Snapshot
from tests.support.checked_client import BYTES, IDLE, ROASTING, TOKEN, client
from tests.support.http import request, send, serving
from tests.support.made_roasts import PREHEAT_S
from tests.support.recorded_roasts import CRACK_S, recorded

ROAST = "/roasts/{roast_id}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole = tmp_path_factory.mktemp("data")
    for seed in range(3):
        recorded(whole, seed=seed, sound=seed < 2)
    return whole


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


async def test_list_has_pages_figures_and_small_curves(folder: Path) -> None:
    async with client(folder) as ask:
        first = await ask("GET", "/roasts?limit=2&sort=title")
        assert [row["title"] for row in first["roasts"]] == ["Roast 0", "Roast 1"]
        assert (first["total"], first["beans"], first["stations"]) == (
            3, ["Guji, washed"], ["kitchen"],
        )  # fmt: skip
        second = await ask("GET", "/roasts?limit=2&offset=2&sort=title")
        assert [row["title"] for row in second["roasts"]] == ["Roast 2"]
        row = first["roasts"][0]
        assert row["first_crack_s"] == CRACK_S
        assert row["development_ratio_percent"] == 17.5
        assert 10 < len(row["curve"]) <= 60
        assert abs(row["curve"][0][0]) <= 30
        assert [one["has_sound"] for one in (*first["roasts"], *second["roasts"])] == [
            True, True, False,
        ]  # fmt: skip


FILTERS = [
    ("search=r1%20roast", ["Roast 1"]),
    ("search=GUJI%20roast", ["Roast 0", "Roast 1", "Roast 2"]),
    ("search=100%25", []),
    ("search='%20OR%201=1", []),
    ("bean=Guji", []),
    ("bean=Guji,%20washed&sort=-title", ["Roast 2", "Roast 1", "Roast 0"]),
    ("station=attic", []),
    ("since=2026-03-14&until=2026-03-14", ["Roast 0", "Roast 1", "Roast 2"]),
    ("since=2026-03-15", []),
    ("until=2026-03-13", []),
    ("sound=true", ["Roast 0", "Roast 1"]),
    ("sound=false", ["Roast 2"]),
    ("sort=-weight_loss", ["Roast 2", "Roast 1", "Roast 0"]),
]


async def test_list_filters_and_sorts(folder: Path) -> None:
    async with client(folder) as ask:
        for query, found in FILTERS:
            query += "" if "sort" in query else "&sort=title"
            page = await ask("GET", f"/roasts?{query}")
            assert [row["title"] for row in page["roasts"]] == found, query


async def test_list_refuses_wrong_parameters(folder: Path) -> None:
    async with client(folder) as ask:
        for query in (
            "limit=0", "limit=101", "limit=x", "sort=secret", "since=yesterday", "what=1",
            "sound=maybe", "limit=1&limit=2", "search=" + "x" * 201, "search=%00",
        ):  # fmt: skip
            assert (await ask("GET", f"/roasts?{query}", 400))["error"], query


async def test_one_roast_counts_from_its_charge(folder: Path) -> None:
    async with client(folder) as ask:
        roast = await ask("GET", "/roasts/r0?points=100", template=ROAST)
    assert roast["zero"] == "charge"
    assert roast["zero_at"].startswith("2026-03-14T09:26:53")
    beans = next(curve for curve in roast["curves"] if curve["name"] == "bean_temp_c")
    assert (beans["unit"], len(beans["at_s"]), beans["at_s"][0]) == ("°C", 100, -PREHEAT_S)
    cracks = [event for event in roast["events"] if event["kind"] == "first_crack"]
    assert [event["at_s"] for event in cracks] == [CRACK_S, 501.0]
    assert roast["pops"] == [[491.0, 0.55], [496.0, 0.99]]
    assert roast["decision"]["probability"] == [0.5, 0.5, 0.55, 0.3, 0.01]
    assert [(one["from_s"], one["to_s"]) for one in roast["sound"]] == [(480.0, 510.0)]


async def test_an_unchanged_roast_is_not_sent_again(folder: Path) -> None:
    async with (
        serving(snapshots=IDLE, folder=folder, log=folder / "roasts.db") as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        async with session.get("/api/v1/roasts/r0") as answer:
            tag = answer.headers["ETag"]
        async with session.get("/api/v1/roasts/r0", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304


async def test_correction_is_kept_with_its_author_and_can_be_revoked(folder: Path) -> None:
    async with client(folder) as ask:
        body = {"title": "Mine", "properties": {"notes": "a\nb"}, "events": {"first_crack": 488.5,
                "drop": None}}  # fmt: skip
        roast = await ask("PATCH", "/roasts/r0", template=ROAST, json=body)
        assert roast["summary"]["title"] == "Mine"
        assert roast["summary"]["first_crack_s"] == 488.5
        assert roast["summary"]["drop_s"] is None
        changes = {change["what"]: change for change in roast["changes"]}
        moved = changes["event:first_crack"]
        assert (moved["before"], moved["after"], moved["by"]) == (CRACK_S, 488.5, "rest 127.0.0.1")
        assert changes["notes"]["after"] == "a\nb"
        path = ROAST + "/changes/{change_id}/revoke"
        for change in reversed(roast["changes"]):
            url = f"/roasts/r0/changes/{change['change_id']}/revoke"
            roast = await ask("POST", url, template=path)
        assert roast["summary"]["title"] == "Roast 0"
        assert roast["properties"].get("notes") is None
        assert (roast["summary"]["first_crack_s"], roast["summary"]["drop_s"]) == (CRACK_S, 600.0)
        origins = {event["kind"]: event["origin"] for event in roast["events"]}
        assert (origins["first_crack"], origins["drop"]) == ("sound", "person")
        assert all(change["revoked_at"] for change in roast["changes"])
        await ask("POST", url, 400, path)
        await ask("POST", "/roasts/r0/changes/99/revoke", 404, path)


async def test_moved_charge_moves_the_zero_and_back(folder: Path) -> None:
    async with client(folder) as ask:
        roast = await ask("PATCH", "/roasts/r0", template=ROAST, json={"events": {"charge": 5}})
        assert roast["summary"]["first_crack_s"] == CRACK_S - 5
        assert roast["sound"][0]["from_s"] == 475.0
        url = f"/roasts/r0/changes/{roast['changes'][0]['change_id']}/revoke"
        roast = await ask("POST", url, template=ROAST + "/changes/{change_id}/revoke")
        assert roast["summary"]["first_crack_s"] == CRACK_S
        assert roast["zero_at"].startswith("2026-03-14T09:26:53")


async def test_only_the_latest_change_of_a_thing_can_be_revoked(folder: Path) -> None:
    async with client(folder) as ask:
        for title in ("one", "two"):
            roast = await ask("PATCH", "/roasts/r0", template=ROAST, json={"title": title})
        first, second = (change["change_id"] for change in roast["changes"])
        path = ROAST + "/changes/{change_id}/revoke"
        said = await ask("POST", f"/roasts/r0/changes/{first}/revoke", 400, path)
        assert "later change" in said["error"]
        roast = await ask("POST", f"/roasts/r0/changes/{second}/revoke", template=path)
        assert roast["summary"]["title"] == "one"


async def test_wrong_changes_are_refused_and_change_nothing(folder: Path) -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"titel": "x"},
        {"title": 5},
        {"title": "x\ny"},
        {"properties": {"green_weight_g": "heavy"}},
        {"properties": {"secret": 1}},
        {"properties": {"rating": 101}},
        {"events": {"sound_lost": 5}},
        {"events": {"drop": 99_999}},
        {"events": {"drop": 5_000}},
        {"lot_id": "none"},
    ]
    async with client(folder) as ask:
        before = await ask("GET", "/roasts/r0", template=ROAST)
        for body in bodies:
            assert (await ask("PATCH", "/roasts/r0", 400, ROAST, json=body))["error"], body
        assert await ask("GET", "/roasts/r0", template=ROAST) == before
        await ask("PATCH", "/roasts/nothing", 404, ROAST, json={"title": "x"})


async def test_events_of_a_roast_in_progress_are_marked_live(folder: Path) -> None:
    with Store(folder / "roasts.db") as store, store.writing() as connection:
        connection.execute("UPDATE roasts SET open = 1 WHERE roast_id = 'r0'")
    async with client(folder, {"kitchen": Snapshot("kitchen", datetime.now(UTC), Phase.ROASTING,
                                                   roast_id="r0")}) as ask:  # fmt: skip
        said = await ask("PATCH", "/roasts/r0", 409, ROAST, json={"events": {"drop": 590}})
        assert "in progress" in said["error"]
        await ask("PATCH", "/roasts/r0", template=ROAST, json={"title": "while it roasts"})
        await ask("DELETE", "/roasts/r0", 409, ROAST)


async def test_roast_is_deleted_with_all_that_belongs_to_it(folder: Path) -> None:
    async with client(folder) as ask:
        tasting = ROAST + "/tastings"
        await ask("POST", "/roasts/r0/tastings", 201, tasting, json={"score": 80})
        assert await ask("DELETE", "/roasts/r0", template=ROAST) == {"deleted": "r0"}
        await ask("GET", "/roasts/r0", 404, ROAST)
        await ask("DELETE", "/roasts/r0", 404, ROAST)
    with Store(folder / "roasts.db") as store:
        assert store.connection.execute("SELECT count(*) FROM tastings").fetchone() == (0,)


async def test_tastings_give_a_roast_its_score_and_are_exported(folder: Path) -> None:
    path, one = ROAST + "/tastings", ROAST + "/tastings/{tasting_id}"
    body = {"tasted_on": "2026-03-20", "score": 84, "brew_method": "espresso",
            "attributes": {"acidity": 7.5}, "defects": ["baked"], "notes": "like\ntea"}  # fmt: skip
    async with client(folder) as ask:
        first = await ask("POST", "/roasts/r0/tastings", 201, path, json=body)
        await ask("POST", "/roasts/r0/tastings", 201, path, json={"score": 90})
        roast = await ask("GET", "/roasts/r0", template=ROAST)
        assert (roast["summary"]["score"], roast["summary"]["tastings"]) == (87.0, 2)
        assert roast["tastings"][0]["notes"] == first["notes"] == "like\ntea"
        page = await ask("GET", "/roasts?search=espresso%20tea")
        assert [row["roast_id"] for row in page["roasts"]] == ["r0"]
        url = f"/roasts/r0/tastings/{first['tasting_id']}"
        again = await ask("PUT", url, template=one, json=body | {"score": 70})
        assert (again["score"], again["tasting_id"]) == (70, first["tasting_id"])
        with Store(folder / "roasts.db") as store:
            _, write = formats.WRITERS["json"]
            kept = formats.read(write(store.record("r0")).encode(), "r0.json").tastings
        assert [tasting.score for tasting in kept] == [70, 90]
        assert kept[0].notes == "like\ntea"
        await ask("DELETE", url, template=one)
        await ask("DELETE", url, 404, one)
        await ask("PUT", url, 404, one, json=body)


async def test_wrong_tastings_are_refused(folder: Path) -> None:
    bodies: list[dict[str, Any]] = [
        {"score": 101},
        {"score": "good"},
        {"tasted_on": "2026-02-30"},
        {"attributes": {"a": 11}},
        {"attributes": [1]},
        {"attributes": {str(n): 1 for n in range(25)}},
        {"defects": "baked"},
        {"defects": ["x"] * 25},
        {"notes": "x" * 10_001},
        {"what": 1},
    ]
    path = ROAST + "/tastings"
    async with client(folder) as ask:
        for body in bodies:
            assert (await ask("POST", "/roasts/r0/tastings", 400, path, json=body))["error"], body
        await ask("POST", "/roasts/none/tastings", 404, path, json={})


async def test_a_roast_takes_its_green_weight_from_a_lot(folder: Path) -> None:
    async with client(folder) as ask:
        body = {"name": "Guji 2026", "bought_g": 2000, "bought_on": "2026-01-05"}
        lot = await ask("POST", "/beans", 201, json=body)
        assert (lot["left_g"], lot["roasts"]) == (2000, 0)
        lot_id = lot["lot_id"]
        for roast_id, weights in (
            ("r0", {"roasted_weight_g": 425}),
            ("r1", {"green_weight_g": None}),
        ):
            change = {"lot_id": lot_id, "properties": weights}
            roast = await ask("PATCH", f"/roasts/{roast_id}", template=ROAST, json=change)
        assert roast["lot"]["name"] == "Guji 2026"
        (lot,) = (await ask("GET", "/beans"))["lots"]
        assert (lot["left_g"], lot["roasts"], lot["unweighed"]) == (1500, 2, 1)
        assert lot["weight_loss_percent"] == 15.0
        page = await ask("GET", f"/roasts?lot={lot_id}")
        assert page["total"] == 2
        one = "/beans/{lot_id}"
        assert "finished" in (await ask("DELETE", f"/beans/{lot_id}", 400, one))["error"]
        changed = {"name": "Guji", "bought_g": 2000, "corrected_g": -100, "finished": True}
        assert (await ask("PUT", f"/beans/{lot_id}", template=one, json=changed))["left_g"] == 1400
        for roast_id in ("r0", "r1"):
            await ask("PATCH", f"/roasts/{roast_id}", template=ROAST, json={"lot_id": None})
        await ask("DELETE", f"/beans/{lot_id}", template=one)
        await ask("DELETE", f"/beans/{lot_id}", 404, one)
        await ask("POST", "/beans", 400, json={"name": ""})


async def test_export_has_a_name_and_can_be_read_again(folder: Path) -> None:
    async with (
        serving(snapshots=IDLE, folder=folder, log=folder / "roasts.db") as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        for format_, (suffix, _) in formats.WRITERS.items():
            async with session.get(f"/api/v1/roasts/r0/export?format={format_}") as answer:
                assert answer.status == 200
                assert suffix in answer.headers["Content-Disposition"]
                record = formats.read(await answer.read(), f"r0{suffix}")
                assert record.from_charge(record.charge_s) == 0.0
        for query in ("format=exe", "fahrenheit=true", "fahrenheit=1"):
            async with session.get(f"/api/v1/roasts/r0/export?{query}") as answer:
                assert answer.status == 400


async def test_uploads_are_bounded_and_wait_for_the_roast(folder: Path) -> None:
    async with client(folder) as ask:
        url = "/roasts/import?name=x"
        await ask("POST", url, 400, data=b"", headers=BYTES)
        await ask("POST", url, 415, data=b"{}", headers={"Content-Type": "text/plain"})
        await ask("POST", url, 415, json={})
        await ask("POST", "/roasts/import", 400, data=b"x", headers=BYTES)
        await ask("POST", "/roasts/import?name=x&saved_at=noon", 400, data=b"x", headers=BYTES)
    async with client(folder, ROASTING) as ask:
        said = await ask("POST", url, 409, data=io.BytesIO(b"x" * 3_000_000), headers=BYTES)
        assert "in progress" in said["error"]


async def test_a_gigabyte_is_refused_before_it_is_sent(folder: Path) -> None:
    async with serving(snapshots=IDLE, folder=folder, log=folder / "roasts.db") as api:
        path = "/api/v1/roasts/import?name=x"
        head = request(path, b"x" * 100, Content_Type=BYTES["Content-Type"],
                       Content_Length=str(2**30))  # fmt: skip
        assert (await send(api.port, head)).status in (0, 413)  # 0: closed without an answer


async def test_without_a_log_every_page_says_so(tmp_path: Path) -> None:
    async with client(None) as ask:
        for path in ("/roasts", "/beans", "/review"):
            assert "no roast log" in (await ask("GET", path, 404))["error"]
