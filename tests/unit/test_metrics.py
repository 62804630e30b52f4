"""Prometheus metrics over real HTTP, read by Prometheus's own parsers."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

import roastwatch
from roastwatch.vocabulary import (
    AudioLevel,
    ComponentState,
    ComponentStatus,
    EventKind,
    Level,
    Origin,
    Phase,
    RoastEvent,
    Snapshot,
)
from roastwatch.web.metrics import COUNTERS
from tests.support.http import serving

NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PACKAGE = Path(roastwatch.__file__).parent


def snapshot(station: str, *own: ComponentStatus) -> Snapshot:
    """A roast after first crack; two phone sinks and the log serve all stations."""
    crack = RoastEvent(
        "e1", station, "r1", EventKind.FIRST_CRACK, NOW, NOW, Origin.SOUND, Level.CERTAIN
    )
    shared = (
        ComponentStatus("phone", ComponentState.RUNNING, None, (("alerts_told", 2.0),)),
        ComponentStatus("phone", ComponentState.FAILED, "gone", (("alerts_told", 3.0),)),
        ComponentStatus(
            "log", ComponentState.RUNNING, None, (("lost_writes", 0.0), ("beans", 7.0))
        ),
    )
    return Snapshot(
        station,
        NOW + timedelta(seconds=61),
        Phase.DEVELOPMENT,
        elapsed_s=541.0,
        development_s=61.0,
        first_crack=crack,
        level=AudioLevel(-6.0, -30.5, 0.0),
        parts=(*own, *shared),
    )


def kitchen() -> Snapshot:
    """With every counter that there is."""
    counters = tuple((name, float(n)) for n, name in enumerate(sorted(COUNTERS), 1))
    return snapshot(
        "kitchen",
        ComponentStatus("kitchen-microphone", ComponentState.RETRYING, "lost", counters),
        ComponentStatus("kitchen-model", ComponentState.RUNNING, None, (("score_ms_per_s", 25.0),)),
    )


async def scraped(accept: str | None = None) -> tuple[str, dict[str, Metric]]:
    """Content type and families of one scrape of two stations, as Prometheus reads them."""
    snapshots = {"kitchen": kitchen(), "bar": snapshot("bar")}
    headers = {"Authorization": "Bearer beans"} | ({"Accept": accept} if accept else {})
    async with (
        serving(snapshots=snapshots) as served,
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{served.port}/metrics") as answer,
    ):
        assert answer.status == 200
        text = await answer.text()
    parse = openmetrics_families if accept else text_families
    families = list(parse(text))
    assert len({family.name for family in families}) == len(families)
    return answer.headers["Content-Type"], {family.name: family for family in families}


def value(family: Metric, **labels: str) -> float:
    (found,) = (
        sample.value
        for sample in family.samples
        if sample.labels == labels and not sample.name.endswith("_created")
    )
    return found


@pytest.mark.parametrize("accept", [None, OPENMETRICS])
async def test_metrics_cover_entities_and_all_counters_of_all_components(
    accept: str | None,
) -> None:
    content_type, families = await scraped(accept)
    assert content_type.startswith("application/openmetrics-text" if accept else "text/plain")
    assert all(family.documentation for family in families.values())
    assert "unknown" not in {family.type for family in families.values()}

    assert value(families["roastwatch_elapsed"], station="kitchen") == 541
    assert value(families["roastwatch_elapsed"], station="bar") == 541
    assert families["roastwatch_elapsed"].type == "gauge"
    assert families["roastwatch_elapsed"].documentation == "Time since charge. Unit: s."
    assert value(families["roastwatch_first_crack"], station="bar") == 1
    assert value(families["roastwatch_first_crack_at"], station="bar") == NOW.timestamp()
    phase = families["roastwatch_phase"]
    assert value(phase, station="bar", state="development") == 1
    assert value(phase, station="bar", state="idle") == 0

    for number, name in enumerate(sorted(COUNTERS), 1):
        family = families[f"roastwatch_{name}"]
        assert family.type == "counter"
        assert family.documentation == COUNTERS[name]
        assert value(family, station="kitchen", component="microphone") == number
    assert families["roastwatch_beans"].type == "counter"
    cost = families["roastwatch_stage_cost_ratio"]
    assert cost.type == "gauge"
    assert value(cost, station="kitchen", component="model", stage="score") == 0.025


async def test_components_of_all_stations_appear_once_and_two_of_a_type_apart() -> None:
    _, families = await scraped()
    sent = families["roastwatch_alerts_told"]
    assert value(sent, station="", component="phone") == 2
    assert value(sent, station="", component="phone-2") == 3
    states = families["roastwatch_component_state"]
    assert value(states, station="", component="phone-2", state="failed") == 1
    assert value(states, station="", component="phone-2", state="running") == 0
    assert value(states, station="kitchen", component="microphone", state="retrying") == 1


async def test_metrics_name_the_version_and_the_process() -> None:
    _, families = await scraped()
    build = families["roastwatch_build_info"]
    assert value(build, version=roastwatch.__version__) == 1
    assert value(families["process_resident_memory_bytes"]) > 1e6
    assert families["process_cpu_seconds"].type == "counter"


def counted_in_the_code() -> Iterator[str]:
    """The names that are given to a component's counters anywhere."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="count" | "_count"), args=[name, *_]):
                    yield from constants(name)
                case ast.Call(func=ast.Name(id="Mishaps"), args=[_, _, name]):
                    yield from constants(name)
                case ast.Subscript(value=ast.Attribute(attr="counters"), slice=name):
                    yield from constants(name)
                case ast.arg(arg="counter"):
                    yield "messages_refused"


def constants(node: ast.expr) -> Iterator[str]:
    for inside in ast.walk(node):
        if isinstance(inside, ast.Constant) and str(inside.value).isidentifier():
            yield str(inside.value)


def test_every_counter_has_a_help_text() -> None:
    assert set(counted_in_the_code()) == set(COUNTERS)
