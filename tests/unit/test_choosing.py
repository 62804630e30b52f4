"""Detector and profile: chosen while no roast runs, refused in a sentence, kept over a restart."""

import asyncio
import json
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from roastwatch import plugins
from roastwatch.app.instructions import instruct
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.settings.model import Chosen
from roastwatch.supervise import ComponentHealth
from roastwatch.synth.source import DemoOptions, DemoSource
from roastwatch.vocabulary import (
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
)
from tests.support.selecting import ask, made, running, snapshot_where


async def test_a_selected_detector_is_kept_until_the_settings_change(tmp_path: Path) -> None:
    async with running(made(tmp_path)) as service:
        shown = await snapshot_where(service, lambda shown: shown.detector == "transients")
        assert shown.detectors == ("transients", "pops")
        assert shown.profiles == ()
        ask(service, InstructionKind.DETECTOR, "pops")
        await snapshot_where(service, lambda shown: shown.detector == "pops")
        station = service.stations["kitchen"]
        async with asyncio.timeout(60):
            while station.listens_with != station.detector.model.spec.model_id:
                await asyncio.sleep(0.01)
        ask(service, InstructionKind.DETECTOR, "oracle")
        shown = await snapshot_where(service, lambda shown: shown.refusal)
        assert shown.refusal == "There is no detector 'oracle'. Available: transients, pops."
        assert shown.detector == "pops"
    async with running(made(tmp_path)) as service:  # as after a restart
        await snapshot_where(service, lambda shown: shown.detector == "pops")
    async with running(made(tmp_path, model="pops")):
        pass
    async with running(made(tmp_path, model={"type": "pops"}, detectors=["transients"])) as service:
        await snapshot_where(service, lambda shown: shown.detectors == ("pops", "transients"))


async def test_a_selection_during_a_roast_is_refused(tmp_path: Path) -> None:
    async with running(made(tmp_path)) as service:
        ask(service, InstructionKind.CHARGE)
        await snapshot_where(service, lambda shown: shown.roast_id)
        ask(service, InstructionKind.DETECTOR, "pops")
        refused = await service.outcome("kitchen")
        shown = await snapshot_where(service, lambda shown: shown.refusal)
        assert "can't be changed during a roast" in shown.refusal
        assert refused == shown.refusal
        assert shown.detector == "transients"
        ask(service, InstructionKind.STOP)
        await snapshot_where(service, lambda shown: shown.roast_id is None and not shown.refusal)
        ask(service, InstructionKind.DETECTOR, "pops")
        assert await service.outcome("kitchen") == ""
        await snapshot_where(service, lambda shown: shown.detector == "pops")


async def cracked_s(first: str, then: str) -> float:
    """Seconds at which a roast's first crack began, when one detector takes over at 10 s."""
    source = DemoSource(
        DemoOptions(seed=4, speed=0, first_crack_at_s=60, fooling_per_h=0), ComponentHealth("ear")
    )
    started = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = plugins.load("models", first), plugins.load("models", then)
    pipeline = Pipeline(
        "kitchen",
        one(one.Options()),
        source.sample_rate_hz,
        started_at=started,
        roast=RoastOptions(begins="person"),
    )
    async with source:
        async for block in source.blocks():
            if then != first and block.first_sample == 10 * source.sample_rate_hz:
                pipeline.use(other(other.Options()), OnsetOptions())
            if block.first_sample == 15 * source.sample_rate_hz:
                now = pipeline.heard_until
                asked = Instruction("kitchen", InstructionKind.CHARGE, Origin.PERSON, now)
                instruct(pipeline, asked)
            for event in pipeline.push(block).events:
                if event.kind is EventKind.FIRST_CRACK and event.level is not Level.POSSIBLE:
                    return (event.happened_at - started).total_seconds()
    raise AssertionError("no first crack was heard")


async def test_a_detector_that_takes_over_decides_at_the_same_sample() -> None:
    whole = await cracked_s("transients", "transients")
    assert abs(await cracked_s("pops", "transients") - whole) < 0.1


def telephone(folder: Path) -> dict[str, object]:
    """20 s of sound of 8 kHz, which pops can't be heard in by the model `pops`."""
    path = folder / "telephone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-99, 99, 160_000, "<i2").tobytes())
    return {"type": "file", "path": str(path), "speed": 4}


async def test_a_detector_that_cannot_hear_this_sound_is_refused(tmp_path: Path) -> None:
    async with running(made(tmp_path, source=telephone(tmp_path))) as service:
        ask(service, InstructionKind.DETECTOR, "pops")
        shown = await snapshot_where(service, lambda shown: shown.refusal)
        assert "8000 Hz" in shown.refusal
        assert shown.detector == "transients"


async def test_an_unusable_selection_leaves_the_detector_of_the_settings(tmp_path: Path) -> None:
    kept = {"kitchen/detector": {"chosen": "pops", "instead_of": "transients"}}
    (tmp_path / "choices.json").write_text(json.dumps(kept))
    async with running(made(tmp_path, source=telephone(tmp_path))) as service:
        shown = await snapshot_where(service, lambda shown: shown.probability is not None)
        assert shown.detector == "transients"
        assert "The detector pops can't be used here" in shown.refusal


async def test_a_selected_model_that_fails_does_not_prevent_a_start(tmp_path: Path) -> None:
    kept = {"kitchen/detector": {"chosen": "pops", "instead_of": "transients"}}
    (tmp_path / "choices.json").write_text(json.dumps(kept))
    service = made(tmp_path)
    choosing = service.choosing["kitchen"]
    choosing._detectors["pops"] = Chosen.model_construct(
        type="pops",
        options="damaged",  # type: ignore[arg-type]
    )
    async with running(service):
        shown = await snapshot_where(service, lambda shown: shown.refusal)
        assert shown.detector == "transients"
