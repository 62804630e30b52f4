"""The report of an evaluation as Markdown tables. A dash stands for an unknown figure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from roastwatch.evaluation import ablation as evaluate_ablation
from roastwatch.evaluation.conditions import results
from roastwatch.evaluation.statistics import rate_text

REPORTED_CONDITIONS = ("quiet", "noise", "trains")


def markdown(report: Mapping[str, Any]) -> str:
    """The whole report as Markdown."""
    parts = [f"`{report['command']}`\n"]
    if "simulated" in report:
        parts.append(_simulated(report["simulated"]))
    if "ablation" in report:
        found = report["ablation"]
        parts.append(
            f"## Value of each part: {found['count']} roasts and hours of each condition "
            f"(seeds {found['seeds']})\n"
        )
        head = ["condition", "decision", "missed %", "early %", "median delay s"]
        parts.append(table([*head, "false alarms/h (95 %)"], evaluate_ablation.rows(found)))
    for model_id, rows in report.get("models", {}).items():
        parts.append(f"## {model_id}\n")
        parts += [
            section(rows[key])
            for key, section in (
                ("sound", _sound),
                ("roasts", _roasts),
                ("roasts_in_sum", _in_sum),
                ("clips", _clips),
                ("popcorn", _popcorn),
                ("false_alarms", _false_alarms),
                ("negatives", _negatives),
            )
            if key in rows
        ]
    if "conditions" in report:
        parts.append(_conditions(report["conditions"]))
    if "compared" in report:
        parts.append(_compared(report["compared"]))
    return "\n".join(parts)


def _conditions(found: Mapping[str, Any]) -> str:
    text = (
        f"## Radio, kitchen and timelines: {found['draws']} playlists, orders or versions\n\n"
        f"Parts: {found['part']}"
    )
    if found["part"] == "any":
        text += " (for a look: neither choose by these figures nor report them as held out)"
    text += (
        ". Early: reported over 20 s before the first pop. Missed: not reported from then on, "
        "which includes the early ones. Delay and error count from the first pop. Orders repeat "
        "the same sounds: the intervals of alarms do not cover other sounds.\n\n"
    )
    for model_id, rows in found["models"].items():
        text += f"### {model_id}\n\n" + table(results.HEAD, (results.cells(row) for row in rows))
        for row in rows:
            name = f"{row['sound']}, {row['over']}"
            if row.get("by_kind"):
                kinds = ", ".join(f"{kind} {count}" for kind, count in row["by_kind"].items())
                text += f"\nAlarms by sound ({name}): {kinds}.\n"
            if row.get("latest_after_fifth_s") is not None:
                text += (
                    f"\n{name}: reported {row['latest_after_fifth_s']:.1f} s after the fifth crack "
                    "at the latest.\n"
                )
        text += "\n"
    return text


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


_DECISION = ("roasts", "missed %", "early %", "median delay s", "90 % s", "onset error s", "90 % s")


def _decision(row: Mapping[str, Any]) -> list[object]:
    return [
        row["roasts"],
        row["missed_percent"],
        row["early_percent"],
        row["delay_median_s"],
        row["delay_p90_s"],
        row["onset_error_absolute_median_s"],
        row["onset_error_absolute_p90_s"],
    ]


def _simulated(found: Mapping[str, Any]) -> str:
    text = (
        f"## Simulated: {found['roasts']} roasts and {found['hours']} hours without a crack, "
        f"in each condition (seeds {found['seeds']})\n\n"
        "Ranges: " + "; ".join(f"{name} {value}" for name, value in found["ranges"].items()) + ".\n"
        "The oracle knows every rate and may raise as many false alarms as a row above it. With a "
        "known charge, alarms count at the threshold that applies after a charge.\n\n"
    )
    for name in REPORTED_CONDITIONS:
        condition = found[name]
        text += (
            f"**{name}**: recall {condition['recall']}, {condition['false_pops_per_min']} false "
            f"pops per minute, {condition['bursts_per_h']} clatters and "
            f"{condition['trains_per_h']} periodic sounds per hour\n\n"
        )
        text += table(
            ["rule", *_DECISION, "false alarms/h (95 %)"],
            (
                [rule, *_decision(row), rate_text(row["false_alarms"])]
                for rule, row in condition["rules"].items()
            ),
        )
        text += "\n"
    if second := found.get("second_crack"):
        reported = second["told"]
        text += (
            f"Second crack (off by default), in the quiet roasts: reported in {reported} "
            f"of {second['with_one']} that have one, {_cell(second['delay_median_s'])} s after its "
            f"onset (median), and in {second['wrong']} of {second['without']} without one.\n"
        )
    return text


def _sound(found: Mapping[str, Any]) -> str:
    pops = found["pops"]
    text = (
        f"### {found['roasts']} synthesised roasts as sound (seeds from {found['first_seed']})\n\n"
        f"Pops: recall {pops['recall']:.2f}, precision {pops['precision']:.2f}, "
        f"{pops['false_per_min']:.2f} false ones per minute; {pops['true']} true pops "
        "(many of them below the noise).\n\n"
    )
    before = found["before_crack"]
    text += (
        f"False alarms in {before['hours']:.1f} h before first crack: {before['count']}, "
        f"{rate_text(before)} per hour.\n\n"
    )
    text += table(["rule", *_DECISION], ([n, *_decision(r)] for n, r in found["decision"].items()))
    text += "\n" + table(
        ["noise", *_DECISION], ([n, *_decision(r)] for n, r in found["by_noise"].items())
    )
    if found["wrong"]:
        text += "\nMissed or early:\n\n" + table(
            ["roast", "onset s", "decided s"],
            ([row["roast"], row["onset_s"], row["decided_s"]] for row in found["wrong"]),
        )
    return text


def _roasts(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ["roast", "first label s", "onset s", "decided s", "error s", "delay s"]
    keys = ["file", "first_label_s", "happened_s", "decided_s", "onset_error_s", "delay_s"]
    if any(row["charge_s"] is not None for row in rows):
        head.insert(1, "charge s")
        keys.insert(1, "charge_s")
    more = [
        ("labelled seconds found", "labelled_seconds_found", "labelled_seconds"),
        ("faint ones", "faint_seconds_found", "faint_seconds"),
        ("labelled pops found", "pops_found", "pops"),
    ]
    shares = [share for share in more if any(share[1] in row for row in rows)]
    last = [("pops up to 58 s before", "pops_long_before"), ("first cracks", "first_cracks")]
    if any("pops_wrong" in row for row in rows):
        last.insert(0, ("other pops", "pops_wrong"))
    return "### Real roasts\n\n" + table(
        [*head, *(share[0] for share in shares), *(name for name, _ in last)],
        (
            [
                *(row.get(key) for key in keys),
                *(f"{row[found]} of {row[of]}" if of in row else None for _, found, of in shares),
                *(row.get(key) for _, key in last),
            ]
            for row in rows
        ),
    )


def _in_sum(found: Mapping[str, Any]) -> str:
    if not found["decision"]:
        nothing = "First crack is not labelled in any recording, so decisions are not scored.\n"
        return nothing + _pops(found["pops"])
    text = table(["rule", *_DECISION], ([n, *_decision(r)] for n, r in found["decision"].items()))
    before = found["before_crack"]
    text += (
        f"\nFalse alarms in {before['hours']:.2f} h before first crack: {before['count']}, "
        f"{rate_text(before)} per hour.\n"
    )
    return text + _pops(found["pops"])


def _pops(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    recall, precision = _cell(found["recall"]), _cell(found["precision"])
    return f"\nPops: recall {recall}, precision {precision}, of {found['true']} labelled.\n"


def _clips(row: Mapping[str, Any]) -> str:
    sentences = []
    if row["crack_clips"]:
        missed = f" (not: {', '.join(row['not_heard'])})" if row["not_heard"] else ""
        sentences.append(f"Cracks detected: {row['heard']} of {row['crack_clips']}{missed}.")
    if row["background_s"]:
        sentences.append(f"{row['background_pops']} pops in {row['background_s']} s of background.")
    if row["without_labels"]:
        sentences.append(f"Clips without labels, left out: {row['without_labels']}.")
    return f"### Clips\n\n{' '.join(sentences)}\n" + _pops(row["pops"])


def _popcorn(rows: Sequence[Mapping[str, Any]]) -> str:
    return "### Popping corn\n\n" + table(
        ["recording", "pops in each 5 s", "reported s"],
        (
            [r["file"], " ".join(map(str, r["pops_each_5_s"])), ", ".join(map(str, r["told_s"]))]
            for r in rows
        ),
    )


def _false_alarms(found: Mapping[str, Any]) -> str:
    rows = []
    for name in ("bare", "fire, bare", "mixed"):
        row = found[name]
        by_kind = ", ".join(f"{kind} {count}" for kind, count in row["by_kind"].items())
        baselines = [rate_text(rate) for rate in row["baselines"].values()]
        rows.append([name, row["hours"], row["count"], rate_text(row), *baselines, by_kind or "–"])
    rules = list(found["bare"]["baselines"])
    return (
        f"### Everyday sounds in {found['orders']} seeded orders, always armed, "
        "re-armed 60 s after each alarm\n\n"
        + table(["mix", "hours", "alarms", "per hour (95 %)", *rules, "by kind"], rows)
    )


def _negatives(rows: Sequence[Mapping[str, Any]]) -> str:
    """Counts by kind, and files reported as first crack."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    reported = [row for row in rows if row["first_cracks"]]
    text = "### Each everyday sound alone, armed from its start\n\n" + table(
        ["everyday sound", "files", "seconds", "pops", "reported as first crack"],
        (
            [
                kind,
                len(group),
                round(sum(r["duration_s"] for r in group)),
                sum(r["pops"] for r in group),
                ", ".join(r["file"].split("/")[-1] for r in group if r["first_cracks"]) or "–",
            ]
            for kind, group in sorted(kinds.items())
        ),
    )
    return text + f"\n{len(reported)} of {len(rows)} files are reported as first crack.\n"


def _compared(row: Mapping[str, Any]) -> str:
    return (
        f"## {row['first']} and {row['second']}, paired\n\n"
        f"Of {row['pairs']} roasts, {row['first']} is correct sooner in {row['first_better']}, "
        f"{row['second']} in {row['second_better']} (sign test p = {row['p_sign_test']}); "
        f"median gain {_cell(row['seconds_gained_median'])} s.\n"
    )
