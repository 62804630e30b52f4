"""A radio beside the roaster: music and talk mixed into whole roasts, and alone."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.evaluation.conditions import sounds
from roastwatch.evaluation.conditions.results import Row, of_alarms
from roastwatch.evaluation.conditions.sources import Sources, part_of
from roastwatch.evaluation.manifest import ManifestRecording
from roastwatch.evaluation.noise import RATE_HZ, Sound, count_alarms
from roastwatch.evaluation.recordings import play
from roastwatch.evaluation.statistics import Judged
from roastwatch.vocabulary import Float32Array

LEVELS_DB = (-10.0, -5.0, 0.0, 5.0)
WARNED_BEFORE_S = 120.0
"""A miss is announced if hearing is limited or blocked this long before first crack."""
BARE_DBFS = -25.0
"""Level of music and talk alone."""
SWITCHED = "switched"
"""The radio is off at first, plays music, changes to talk, and is switched off."""
SWITCHES = (0.35, 0.7, 1.0)
"""When it does, as shares of the time from charge to first crack."""


def evaluate_radio(
    model: CrackModel,
    sources: Sources,
    *,
    draws: int,
    synthesised: int,
    levels_db: Sequence[float] = LEVELS_DB,
    onset: OnsetOptions,
    progress: Callable[[str], None],
) -> list[Row]:
    """Every programme at every level over every roast, and bare.

    `draws` playlists of music; half as many of talk and of a radio that is switched. A level is
    that of the playlist's RMS over the RMS of the roaster's own noise before first crack.

    Raises:
        BadInputError: there is no music and no talk that this choice allows.
    """
    radio = {kind: sources.of(kind) for kind in ("music", "talk")}
    rows: dict[tuple[str, str, float | None], Row] = {}
    roasts = chain(
        sounds.real_roasts(sources.of_any("roast")),
        sounds.synthesised_roasts(synthesised, sources.choice),
    )
    for roast in roasts:
        over = "recorded" if roast.ingredients else "synthesised"
        tracks = {kind: sounds.load_tracks(radio[kind], roast.rate_hz) for kind in radio}
        silence = np.zeros(len(roast.samples), np.float32)
        jobs: list[tuple[str, int, float | None]] = [("none", 0, None)]
        for programme, count in _programmes(radio, draws):
            jobs += [(programme, seed, level) for seed in range(count) for level in levels_db]
        for programme, seed, level in jobs:
            progress(f"radio, {roast.name}: {programme} {seed + 1}, {level or 0:+g} dB")
            other = silence if level is None else _programme(programme, tracks, roast, seed)
            heard = sounds.mixed(roast, other, level or 0.0)
            played = play(model, roast.rate_hz, heard, onset=onset, charge_s=roast.charge_s)
            decided_s, happened_s = played.reported[0] if played.reported else (None, None)
            used = [*roast.ingredients, *_used(radio, programme)]
            row = rows.setdefault(
                (programme, over, level), Row("radio", programme, over, part_of(used), level)
            )
            name = f"{roast.name}, playlist {seed + 1}"
            warned = played.warned_at(roast.truth_s - WARNED_BEFORE_S)
            row.judged.append(Judged(name, roast.truth_s, decided_s, happened_s, warned=warned))
    ordered = sorted(rows.values(), key=lambda row: (row.over, row.sound == SWITCHED))
    return ordered + list(_bare(model, radio, draws, onset, progress))


def _programmes(radio: dict[str, list[ManifestRecording]], draws: int) -> Iterator[tuple[str, int]]:
    half = (draws + 1) // 2
    if radio["music"]:
        yield "music", draws
    if radio["talk"]:
        yield "talk", half
    if radio["music"] and radio["talk"]:
        yield SWITCHED, half


def _used(radio: dict[str, list[ManifestRecording]], programme: str) -> list[ManifestRecording]:
    if programme == SWITCHED:
        return radio["music"] + radio["talk"]
    return radio.get(programme, [])


def _programme(
    name: str, tracks: dict[str, list[Float32Array]], roast: sounds.WholeRoast, seed: int
) -> Float32Array:
    """What the radio plays over one roast; the same at every level."""
    length, rate = len(roast.samples), roast.rate_hz
    if name != SWITCHED:
        rng = np.random.default_rng([seed, 20 if name == "music" else 21])
        return sounds.playlist(tracks[name], rng, length, rate)
    begins = max(roast.charge_s, 0.0)
    on, change, off = (
        round((begins + share * (roast.truth_s - begins)) * rate) for share in SWITCHES
    )
    whole = np.zeros(length, np.float32)
    rng = np.random.default_rng([seed, 22])
    whole[on:change] = sounds.playlist(tracks["music"], rng, change - on, rate)
    whole[change:off] = sounds.playlist(tracks["talk"], rng, off - change, rate)
    return whole


def _bare(
    model: CrackModel,
    radio: dict[str, list[ManifestRecording]],
    draws: int,
    onset: OnsetOptions,
    progress: Callable[[str], None],
) -> Iterator[Row]:
    gain = np.float32(10 ** (BARE_DBFS / 20))
    for programme, recordings in radio.items():
        if not recordings:
            continue
        tracks = sounds.load_tracks(recordings, RATE_HZ)
        played = [
            Sound(recording.path.stem, _below_full_scale(sounds.faded(track * gain, RATE_HZ)))
            for recording, track in zip(recordings, tracks, strict=True)
        ]
        found = count_alarms(model, played, draws, onset, progress, name=f"{programme}, bare")
        yield of_alarms("radio", programme, "bare", part_of(recordings), found)


def _below_full_scale(samples: Float32Array) -> Float32Array:
    return samples / np.float32(max(1.0, float(np.abs(samples).max())))
