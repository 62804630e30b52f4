"""A person drives a roaster from a real Home Assistant: service, guardian and wire are real too."""

from pathlib import Path

import pytest

from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.home_assistant.service import service
from tests.support.guarded import guarded
from tests.support.until import until

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]
STARTED_S = 120.0


async def test_arm_heat_fan_and_emergency_stop(
    home: Home, talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeHottop(speed=0)
    machine.thermal.bean_c = machine.thermal.air_c = 120.0
    heater, fan = "number.cook_roaster_heater", "number.cook_roaster_fan"
    armed, refusal = "switch.cook_roaster_arm", "sensor.cook_roaster_last_refusal"
    async with guarded() as place, PtyLine(machine, tmp_path) as line:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        roaster = {"type": "hottop", "port": str(line.port)}
        async with service(
            tmp_path / "run", "cook", home.broker.port, speed=1.0, roaster=roaster
        ) as running:
            try:
                await talk.until(lambda: talk.shows(heater, "0"), STARTED_S)
                # Refused, in a sentence on the dashboard, and the slider goes back.
                await talk.service("number.set_value", heater, value=60)
                await talk.until(
                    lambda: talk.shows(refusal, "The roaster is not armed: arm it first.")
                )
                assert await talk.shows(heater, "0")
                assert machine.heater == 0
                # Armed, heat goes on, with drum and fan before it.
                confirm = "button.cook_roaster_confirm_arming"
                assert await talk.shows(confirm, "unavailable")
                await talk.service("switch.turn_on", armed)
                await talk.until(lambda: talk.shows(confirm))
                assert await talk.shows(armed, "off")
                await talk.service("button.press", confirm)
                await talk.until(lambda: talk.shows(armed, "on"))
                await talk.service("number.set_value", heater, value=60)
                await until(lambda: machine.heater == 60, STARTED_S)
                # It was found hot, so the fan is where make-safe left it until somebody sets it.
                assert (machine.drum, machine.main_fan) == (1, 10)
                await talk.until(lambda: talk.shows(heater, "60"))
                await talk.service("number.set_value", fan, value=70)
                await until(lambda: machine.main_fan == 7, STARTED_S)
                await talk.until(lambda: talk.shows(fan, "70"))
                # What the machine reads is on the dashboard.
                machine.thermal.bean_c, machine.thermal.air_c = 123.0, 126.0
                beans = "sensor.cook_roaster_bean_temperature"
                await talk.until(lambda: talk.shows(beans, "123"))
                air = "sensor.cook_roaster_environment_temperature"
                await talk.until(lambda: talk.shows(air, "126"))
                # A fan below its least is limited: the slider shows what was done.
                await talk.service("number.set_value", fan, value=0)
                await talk.until(lambda: talk.shows(fan, "10"))
                assert machine.main_fan == 1
                await talk.service("button.press", "button.cook_roaster_emergency_stop")
                await until(lambda: machine.heater == 0, STARTED_S)
                assert (machine.drum, machine.cooling) == (1, 1)
                await talk.until(lambda: talk.shows(armed, "off"))
                await talk.until(lambda: talk.shows(heater, "0"))
                await talk.service("number.set_value", heater, value=40)

                async def says_why() -> bool:
                    return "mergency stop" in (await talk.state(refusal) or "")

                await talk.until(says_why)
                assert await talk.shows(heater, "0")
                assert machine.heater == 0
            except BaseException:
                print(running.log.read_text())
                print({k: v["state"] for k, v in (await talk.states()).items() if "cook" in k})
                raise
