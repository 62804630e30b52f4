"""The dashboards, added by the command and shown in a real browser."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from roastwatch.cli.home_assistant import command
from tests.home_assistant.browser import opened
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import Talk
from tests.home_assistant.test_device import everything
from tests.support.events import snapshot
from tests.support.mqtt import sink

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("name", "width", "height", "roaster"),
    [
        ("phone", 412, 915, "roaster: {type: simulated}"),
        ("wall", 1280, 800, "roaster: {type: simulated}"),
        ("phone", 412, 915, ""),
    ],
)
async def test_a_dashboard_is_added_and_renders_without_errors(
    home: Home, talk: Talk, tmp_path: Path, name: str, width: int, height: int, roaster: str
) -> None:
    assistant, instance = home.assistant, "shown" if roaster else "alone"
    settings, token = tmp_path / "roastwatch.yaml", tmp_path / "token"
    settings.write_text(f"instance: {instance}\nstations: [{{name: roaster, {roaster}}}]\n")
    token.write_text(assistant.token)
    async with sink(home.broker.port, instance) as rig:
        rig.show(everything() if roaster else snapshot())
        await talk.until(lambda: talk.shows(f"button.{instance}_roaster_drop"))
        await talk.until(lambda: talk.shows(f"sensor.{instance}_roaster_phase"))
        words = ["dashboard", "--add", "--layout", name, "--settings", str(settings)]
        words += ["--url", assistant.url, "--token-file", str(token)]
        done = await asyncio.to_thread(CliRunner().invoke, command, words)
        assert done.exit_code == 0, done.output
        path = f"/roastwatch-{instance}-{name}/roaster"
        assert path in done.output
        async with opened(
            tmp_path / "profile", assistant.url, assistant.token, path, width, height
        ) as page:

            async def shown() -> bool:
                found = await page.cards()
                return found["cards"] >= (12 if roaster else 8) and not found["loading"]

            await talk.until(shown, 120, period_s=0.5)
            await page.screenshot(tmp_path / f"{name}.png")
            found = await page.cards()
            assert not found["errors"], found
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
