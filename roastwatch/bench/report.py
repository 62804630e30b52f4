"""The report of a benchmark as JSON and Markdown, and its comparison with an earlier one."""

from dataclasses import dataclass, field
from typing import Any

from roastwatch import __version__
from roastwatch.bench.timing import Figure
from roastwatch.errors import BadInputError

_SLOWER_PERCENT = 10.0


@dataclass(slots=True)
class Report:
    """One run of the benchmark."""

    mode: str
    at: str
    machine: dict[str, Any]
    model: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)
    streams: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "roastwatch": __version__,
            "mode": self.mode,
            "at": self.at,
            "machine": self.machine,
            "model": self.model,
            "figures": [figure.as_json() for figure in self.figures],
            "stages": self.stages,
            "streams": self.streams,
        }

    def as_markdown(self) -> str:
        """Markdown tables."""
        machine = self.machine
        lines = [
            f"# roastwatch bench {self.mode}: {self.model['model_id']}",
            "",
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mb']} MB, "
            f"{machine['system']}, Python {machine['python']}; load before: "
            f"{machine['load_before']}; roastwatch {__version__}; {self.at}",
            "",
        ]
        if self.figures:
            lines += ["| Figure | Value | Target | Met | |", "|---|---|---|---|---|"]
            lines += ["| " + " | ".join(row(figure)) + " |" for figure in self.figures]
        if self.stages:
            lines += ["", *_table("Stage", "name", self.stages)]
        if self.streams:
            lines += ["", *_table("Streams", "streams", self.streams)]
        return "\n".join(lines) + "\n"

    def slower_than(self, old: dict[str, Any]) -> list[str]:
        """Figures more than 10 % worse than in an earlier report, one sentence each.

        Raises:
            BadInputError: the earlier report is none.
        """
        try:
            before = {figure["name"]: figure for figure in old["figures"]}
            other = old["machine"]["processor"] != self.machine["processor"]
        except (KeyError, TypeError) as error:
            raise BadInputError(
                "The file to compare with is not a report of `roastwatch bench`."
            ) from error
        sentences = ["The machines differ, so the comparison is unreliable."] if other else []
        for figure in self.figures:
            earlier = before.get(figure.name, {}).get("value")
            if not earlier or figure.value is None:
                continue
            change = 100 * (figure.value / earlier - 1)
            worse = -change if figure.higher_is_better else change
            if worse > _SLOWER_PERCENT:
                sentences.append(
                    f"{figure.name} got {worse:.0f} % worse: {earlier:g} → {figure.value:.4g} "
                    f"{figure.unit}."
                )
        return sentences


def row(figure: Figure) -> list[str]:
    """Name, value, target, met, note."""
    value = "–" if figure.value is None else f"{figure.value:.4g} {figure.unit}"
    sign = "≥" if figure.higher_is_better else "≤"
    target = "" if figure.target is None else f"{sign} {figure.target:g}"
    met = {True: "yes", False: "NO", None: ""}[figure.met]
    return [figure.name, value, target, met, figure.note]


def _table(title: str, key: str, rows: list[dict[str, Any]]) -> list[str]:
    columns = [name for name in max(rows, key=len) if name != key]
    lines = [
        f"| {title} | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for one in rows:
        cells = [str(one.get(name, "")) for name in (key, *columns)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
