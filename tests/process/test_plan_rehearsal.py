"""A plan that is rehearsed over HTTP, in a process of its own."""

from pathlib import Path

from tests.unit.test_web_plans import client


async def test_a_rehearsal_has_curve_events_and_what_the_interlocks_said(tmp_path: Path) -> None:
    hot = {
        "name": "Too hot",
        "steps": [
            {"at_s": 0, "heater_percent": 90, "fan_percent": 0, "drum_percent": 100},
            {"at_event": "first_crack", "heater_percent": 95},
        ],
        "ends_at_s": 1500,
        "target": [[0, 100], [600, 200]],
    }
    async with client(tmp_path) as ask:
        body = {"plan": hot, "language": "de", "beans_g": 200}
        found = await ask("POST", "/plans/rehearse", json=body)
    assert len(found["at_s"]) == len(found["bean_temp_c"]) == len(found["fan_percent"]) > 100
    assert found["profile"] == [[0, 100], [600, 200]]
    assert [one["index"] for one in found["steps"]] == [0, 1]
    assert "first_crack" in [one["kind"] for one in found["events"]]
    assert "die Grenze ist 230" in str(found["ended_by"])
    assert {one["kind"] for one in found["notes"]} == {"plan", "interlock"}
