import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roastwatch.cli.data import command
from roastwatch.corpus import corpus, importers
from roastwatch.corpus.download import fetch, read_list
from roastwatch.errors import BadInputError


def sound(path: Path, seconds: float = 1.0, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, len(path.name), *path.name.encode()])
    soundfile.write(path, 0.1 * rng.standard_normal(int(seconds * 16000)), 16000)
    return path


def test_audacity_labels_are_pops_and_a_phase(tmp_path: Path) -> None:
    labels = tmp_path / "roast.txt"
    labels.write_text(
        "1.5\t1.5\tpop\n\\\t100\t200\n0.5\t0.6\t\n2.0\t3.0\tfirst crack\n4\t5\tdoor\n"
    )
    assert importers.audacity(labels) == corpus.Marks((0.5, 1.5), (2.0, 3.0))
    labels.write_text("7\t7\tCharge\n")
    assert importers.audacity(labels) == corpus.Marks(charge_s=7.0)
    labels.write_text("")
    assert importers.audacity(labels) == corpus.Marks(pops_s=())
    labels.write_text("one\ttwo\n")
    with pytest.raises(BadInputError, match="line 1"):
        importers.audacity(labels)


def test_label_studio_exports_of_both_kinds(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    value = {"start": 10.0, "end": 40.5, "labels": ["first_crack"]}
    full: dict[str, Any] = {"data": {"audio": "/data/upload/1/0a1b2c3d-roast.wav"}}
    full["annotations"] = [{"result": [{"value": value}]}]
    path.write_text(json.dumps([full]))
    assert importers.label_studio(path) == {"roast.wav": corpus.Marks(None, (10.0, 40.5))}
    least = {"audio": "x/roast.wav", "label": [{"start": 1, "end": 2, "labels": ["pop"]}]}
    path.write_text(json.dumps([least]))
    assert importers.label_studio(path)["roast.wav"].pops_s == (1.0,)
    converted = {"start_time": 665.8, "end_time": 746.7, "label": "first_crack"}
    path.write_text(json.dumps({"audio_file": "mic1.wav", "annotations": [converted]}))
    assert importers.label_studio(path) == {"mic1.wav": corpus.Marks(None, (665.8, 746.7))}
    path.write_text('{"a": 1}')
    with pytest.raises(BadInputError, match="Label Studio"):
        importers.label_studio(path)


def test_artisan_profiles_mark_first_crack(shared: Path) -> None:
    profiles = sorted((shared / "data" / "telemetry" / "artisan").glob("*.alog"))[:8]
    marked = [marks.first_crack_s for marks in map(importers.artisan, profiles)]
    known = [marks for marks in marked if marks]
    assert known
    assert all(60 < start < end < 3600 for start, end in known)


def test_windows_of_one_roast_are_one_group(tmp_path: Path) -> None:
    for name in (
        "train/first_crack/roast-1-x_chunk_001",
        "train/no_first_crack/roast-1-x_chunk_002",
        "val/no_first_crack/roast-2_w0030.0",
    ):
        sound(tmp_path / f"{name}.wav")
    found = importers.windows_dataset(tmp_path)
    assert {item.group for item in found} == {"roast-1-x", "roast-2"}
    assert {item.split for item in found} == {"train", "validation"}
    assert not corpus.faults(found, tmp_path)
    for name in ("mic1-a-roast1_w0000.0", "mic2-a-roast1_w0010.0", "mic2-a-roast1-amplified_w9.5"):
        sound(tmp_path / f"mic/test/first_crack/{name}.wav")
    assert {item.group for item in importers.windows_dataset(tmp_path / "mic")} == {"a-roast1"}
    for name in ("r-1_001", "r-2_001", "r-2_002", "s_10_20", "s_20.5_30.5s"):
        sound(tmp_path / f"plain/test/first_crack/{name}.wav")
    groups = {item.group for item in importers.windows_dataset(tmp_path / "plain")}
    assert groups == {"r-1", "r-2", "s"}
    with pytest.raises(BadInputError, match="first_crack"):
        importers.windows_dataset(sound(tmp_path / "other" / "a.wav").parent)


def test_own_recordings_are_labelled_by_sidecars(tmp_path: Path) -> None:
    def kept(name: str, **content: Any) -> None:
        path = sound(tmp_path / f"{name}.wav", seconds=4.0)
        path.with_suffix(".json").write_text(json.dumps({"duration_s": 4.0} | content))

    def event(kind: str, at_s: float, origin: str = "sound") -> dict[str, object]:
        return {"kind": kind, "origin": origin, "happened_s": at_s, "event_id": kind}

    marked = [event("charge", 0.1), event("first_crack", 1.5, "person"), event("drop", 3.0)]
    home = {"station": "kitchen"}
    kept("roasts/kitchen/r1", **home, roast_id="r1", events=marked)
    kept("roasts/kitchen/r2", **home, roast_id="r2", events=[event("first_crack", 1.0)])
    kept("clips/kitchen/c1", **home, roast_id="r1", label="first_crack")
    kept("clips/kitchen/c2", **home, roast_id="r2", label="not_a_crack")
    kept("clips/kitchen/c3", **home, roast_id="r2", label=None)
    kept("mine", label="first_crack", first_crack_s=2.0)
    found = {Path(one.path).stem: one for one in importers.scanned(tmp_path)}
    assert {name: (one.kind, one.group, one.first_crack_s) for name, one in found.items()} == {
        "r1": ("roast", "r1", (1.5, 3.0)),
        "r2": ("roast", "r2", None),
        "c1": ("clip", "r1", None),
        "c2": ("negative", "r2", None),
        "c3": ("clip", "r2", None),
        "mine": ("roast", "mine", (2.0, 4.0)),
    }
    assert {found[name].label for name in ("c1", "c2", "c3")} == {"first_crack", "not_a_crack", ""}
    assert found["r1"].path == "roasts/kitchen/r1.wav"
    assert {name: one.charge_s for name, one in found.items() if one.charge_s} == {"r1": 0.1}
    assert not corpus.faults(list(found.values()), tmp_path)
    assert CliRunner().invoke(command, ["manifest", str(tmp_path)]).exit_code == 0
    written = {one.path: one.roaster for one in corpus.read_manifest(tmp_path / "manifest.json")}
    assert written["roasts/kitchen/r1.wav"] == "kitchen"


def test_leakage_missing_files_and_labels_outside_are_found(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    sound(tmp_path / "b.wav")
    runner = CliRunner()
    assert runner.invoke(command, ["manifest", str(tmp_path)]).exit_code == 0
    path = tmp_path / "manifest.json"
    assert runner.invoke(command, ["verify", str(path)]).exit_code == 0
    rows = json.loads(path.read_text())["recordings"]
    rows[0] |= {"group": "one", "split": "train", "pops_s": [99.0]}
    rows[1] |= {"group": "one", "split": "test"}
    rows.append({**rows[1], "path": "gone.wav", "split": "train"})
    path.write_text(json.dumps({"recordings": rows}))
    result = runner.invoke(command, ["verify", str(path), "--json"])
    assert result.exit_code == 2
    message = "\n".join(json.loads(result.output[result.output.index("{") :])["faults"])
    assert "99 s is outside" in message
    assert "more than one split" in message
    assert "gone.wav is missing" in message
    assert "the same sound in different splits" in message
    sound(tmp_path / "a.wav", seed=5)
    message = "\n".join(corpus.faults(corpus.read_manifest(path), tmp_path))
    assert "has changed" in message


def test_splits_are_by_recording(tmp_path: Path) -> None:
    rows = [
        corpus.CorpusRecording(f"{i}.wav", "clip", 1.0, 16000, f"{i % 37}", f"roast {i // 4}")
        for i in range(400)
    ]
    found = corpus.split(rows, (70, 15, 15), 3)
    assert found == corpus.split(rows, (70, 15, 15), 3)
    for key in ("group", "sha256"):
        for value in {getattr(item, key) for item in found}:
            assert len({item.split for item in found if getattr(item, key) == value}) == 1
    apart = corpus.split(
        [corpus.CorpusRecording(f"{i}", "clip", 1, 16000, f"{i}", f"{i}") for i in range(100)],
        (70, 15, 15),
        3,
    )
    assert sum(item.split == "train" for item in apart) == 70


def test_broken_manifests_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    for content, message in (("[]", "not a manifest"), ('{"recordings": [{"x": 1}]}', "no key")):
        path.write_text(content)
        with pytest.raises(BadInputError, match=message):
            corpus.read_manifest(path)


def test_downloads_resume_and_are_checked(tmp_path: Path) -> None:
    origin = sound(tmp_path / "origin.wav")
    listed = tmp_path / "list.csv"
    with listed.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("url", "path", "sha256"))
        rows.writerow((origin.as_uri(), "got/a.wav", corpus.sha256(origin)))
    item = read_list(listed)[0]
    assert fetch(item, tmp_path)
    assert not fetch(item, tmp_path)
    wrong = type(item)(item.url, "got/b.wav", "0" * 64)
    with pytest.raises(BadInputError, match="hash differs"):
        fetch(wrong, tmp_path)
    assert not (tmp_path / "got" / "b.wav").exists()
    listed.write_text(f"url,path,sha256\n{origin.as_uri()},../x.wav,00\n")
    with pytest.raises(BadInputError, match="leaves the folder"):
        read_list(listed)


def test_synth_writes_roasts_with_labels(tmp_path: Path) -> None:
    words = ["synth", "--out", str(tmp_path), "--seed", "3", "--rate", "16000"]
    result = CliRunner().invoke(command, [*words, "--duration", "4", "--no-parts"])
    assert result.exit_code == 0, result.output
    assert soundfile.info(tmp_path / "roasts" / "roast-3.wav").duration == pytest.approx(4)
    truth = json.loads((tmp_path / "roasts" / "roast-3.json").read_text())
    assert truth["first_crack_at_s"] > 4


def test_cracks_of_fire_are_written_as_sound(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    fire = 0.001 * rng.standard_normal(3 * 32000)
    for at in (16000, 40000, 60000):
        fire[at : at + 300] += 0.5 * rng.standard_normal(300) * np.exp(-np.arange(300) / 60)
    (tmp_path / "negatives" / "fire").mkdir(parents=True)
    soundfile.write(tmp_path / "negatives" / "fire" / "1-a.wav", fire, 32000)
    sound(tmp_path / "other" / "rain" / "1-b.wav", 3)
    words = ["synth", "--out", str(tmp_path / "out"), "--no-parts", "--roasts", "0", "--negatives"]
    result = CliRunner().invoke(command, [*words, str(tmp_path / "negatives")])
    assert result.exit_code == 0, result.output
    heard, rate = soundfile.read(tmp_path / "out" / "parts" / "cracks-of-fire-1.wav")
    marks = (tmp_path / "out" / "parts" / "cracks-of-fire-1.txt").read_text().splitlines()
    first_s = float(marks[0].split("\t")[0])
    assert np.abs(heard[: int(first_s * rate)]).max() < 0.001
    assert np.abs(heard[int(first_s * rate) :][:600]).max() > 0.1
    refused = CliRunner().invoke(command, [*words, str(tmp_path / "other")])
    assert isinstance(refused.exception, BadInputError)
    assert "no folder of fire" in str(refused.exception)
