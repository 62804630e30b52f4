"""The dashboards, saved as a person does it and shown in a real browser."""

from pathlib import Path

import pytest
import yaml

from tests.home_assistant.browser import opened
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.home_assistant.test_device import everything
from tests.support.mqtt import sink

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]

DASHBOARDS = Path(__file__).parents[2] / "integrations" / "home_assistant" / "dashboards"


@pytest.mark.parametrize(("name", "width", "height"), [("phone", 412, 915), ("wall", 1280, 800)])
async def test_a_dashboard_renders_without_errors(
    home: Home, talk: Talk, tmp_path: Path, name: str, width: int, height: int
) -> None:
    config = yaml.safe_load((DASHBOARDS / f"{name}.yaml").read_text())
    path = f"roast-{name}"
    titles = {"title": name, "mode": "storage", "show_in_sidebar": True, "require_admin": False}
    await talk.call("lovelace/dashboards/create", url_path=path, **titles)
    await talk.call("lovelace/config/save", url_path=path, config=config)
    async with sink(home.broker.port, "roastwatch") as rig:
        rig.show(everything())
        await talk.until(lambda: talk.shows("sensor.roastwatch_roaster_bean_temperature", "201.3"))
        await talk.until(lambda: talk.shows("button.roastwatch_roaster_drop"))
        assistant = home.assistant
        async with opened(
            tmp_path / "profile", assistant.url, assistant.token, f"/{path}", width, height
        ) as page:

            async def shown() -> bool:
                found = await page.cards()
                return found["cards"] >= 12 and not found["loading"]

            await talk.until(shown, 120, period_s=0.5)
            await page.screenshot(tmp_path / f"{name}.png")
            found = await page.cards()
            assert not found["errors"], found
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
