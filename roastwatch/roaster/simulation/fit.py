"""Fit the simulated roaster to logged roasts, and report its error on held-out roasts.

    python -m roastwatch.roaster.simulation.fit FOLDER --fit       # prints the parameters
    python -m roastwatch.roaster.simulation.fit FOLDER --plot docs/images/simulated-roaster.png

The model gets from each log the heater and fan settings, the beans' weight and the temperature at
the charge, and simulates the rest. Roasts that were saved twice count once. Every second roast by
date is used for the fit; the others are held out.
"""

from dataclasses import dataclass, fields, replace
from math import exp, log
from pathlib import Path
from statistics import median

import click
import numpy as np
import numpy.typing as npt

from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.records import formats
from roastwatch.records.record import RoastRecord
from roastwatch.roaster.simulation.thermal import AMBIENT_C, Heat, ThermalParameters, advance
from roastwatch.vocabulary import EventKind

Column = npt.NDArray[np.float64]

STEP_S = 2.0
DEFAULT_GREEN_G = 200.0
DEFAULT_HEATER, DEFAULT_FAN = 50.0, 40.0
FITTED = (
    "power_w",
    "drum_j_per_c",
    "loss_w_per_c",
    "fan_loss_w_per_c",
    "to_beans_w_per_c_kg",
    "fan_to_beans",
    "evaporation_per_s",
    "evaporation_rise_c",
    "exotherm_j_per_kg",
    "bean_probe_lag_s",
    "bean_probe_sees_drum",
    "empty_probe_share",
)


@dataclass(frozen=True)
class Logged:
    """One roast from charge to drop on a grid of STEP_S. Temperatures in °C, shares 0 to 1."""

    name: str
    started: str
    mass_kg: float
    bean_c: Column
    heater: Column
    fan: Column
    probe_at_charge_c: float


def load(folder: Path) -> list[Logged]:
    """The roasts in a folder by date, each once.

    Raises:
        BadInputError: there are none.
    """
    found: list[Logged] = []
    for path in sorted(folder.rglob("*.alog")):
        roast = _logged(path)
        if roast is not None and not any(_same(roast, other) for other in found):
            found.append(roast)
    if not found:
        raise BadInputError(f"{folder} contains no complete roasts (.alog with charge and drop).")
    return sorted(found, key=lambda roast: (roast.started, roast.name))


def simulate(roast: Logged, parameters: ThermalParameters) -> Column:
    """The simulated bean temperature on the roast's grid, °C."""
    excess = (roast.probe_at_charge_c - AMBIENT_C) / parameters.empty_probe_share
    heat = Heat.empty(AMBIENT_C + excess, parameters).charged(roast.mass_kg, parameters)
    bean_c = np.empty(len(roast.bean_c))
    for index in range(len(bean_c)):
        bean_c[index] = heat.bean_probe_c
        heat = advance(
            heat,
            parameters,
            STEP_S,
            heater=float(roast.heater[index]),
            fan=float(roast.fan[index]),
        )
    return bean_c


def error_c(roast: Logged, parameters: ThermalParameters) -> float:
    """Root mean square of the bean temperature's error from charge to drop."""
    return float(np.sqrt(np.nanmean((simulate(roast, parameters) - roast.bean_c) ** 2)))


def fit(roasts: list[Logged], start: ThermalParameters) -> ThermalParameters:
    """Least squares with a soft loss, over the logarithms of the parameters (all positive)."""
    from scipy.optimize import least_squares

    origin = np.array([log(getattr(start, name)) for name in FITTED])

    def with_(point: Column) -> ThermalParameters:
        return replace(start, **{n: exp(v) for n, v in zip(FITTED, point, strict=True)})

    def residuals(point: Column) -> Column:
        errors = []
        for roast in roasts:
            off = (simulate(roast, with_(point)) - roast.bean_c)[::5]
            errors.append(np.nan_to_num(np.clip(off, -200, 200)) / np.sqrt(len(off)))
        drift = 0.3 * (point - origin)  # holds undetermined parameters near plausible values
        return np.concatenate([*errors, drift])

    found = least_squares(
        residuals, origin, loss="soft_l1", f_scale=2.0, max_nfev=40, bounds=(origin - 2, origin + 2)
    )
    return with_(found.x)


def plot(
    roasts: list[Logged], held_out: set[str], parameters: ThermalParameters, path: Path
) -> None:
    """Plot each roast, logged and simulated, in small panels."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    columns = 7
    rows = -(-len(roasts) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(14, 1.75 * rows), sharex=True, sharey=True)
    for axis in axes.flat[len(roasts) :]:
        axis.axis("off")
    for axis, roast in zip(axes.flat, roasts, strict=False):
        minutes = np.arange(len(roast.bean_c)) * STEP_S / 60
        axis.plot(minutes, roast.bean_c, color="0.25", linewidth=1.0)
        axis.plot(minutes, simulate(roast, parameters), color="tab:orange", linewidth=1.0)
        kept = "held out" if roast.name in held_out else "fitted"
        axis.set_title(
            f"{roast.name[-16:]} · {kept} · {error_c(roast, parameters):.1f} °C", fontsize=6
        )
        axis.tick_params(labelsize=6)
    figure.suptitle("Bean probe, °C, by minutes from charge: logged (grey), simulated (orange)")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=68)
    plt.close(figure)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--fit", "refit", is_flag=True, help="Fit the parameters; else use the shipped ones.")
@click.option("--plot", "plot_path", type=click.Path(path_type=Path))
def main(folder: Path, refit: bool, plot_path: Path | None) -> None:
    """Report the simulated roaster's error on each logged roast in FOLDER."""
    roasts = load(folder)
    parameters = ThermalParameters()
    if refit:
        parameters = fit(roasts[::2], parameters)
        for field in fields(parameters):
            click.echo(f"    {field.name}: float = {getattr(parameters, field.name):.5g}")
    held_out = {roast.name for roast in roasts[1::2]}
    errors: dict[bool, list[float]] = {True: [], False: []}
    for roast in roasts:
        error = error_c(roast, parameters)
        errors[roast.name in held_out].append(error)
        kept = "held out" if roast.name in held_out else "fitted"
        click.echo(f"{roast.name:42} {kept:9} {error:6.2f} °C RMS")
    for out, name in ((False, "fitted"), (True, "held out")):
        click.echo(f"{len(errors[out])} {name}: median {median(errors[out]):.2f} °C RMS")
    if plot_path is not None:
        plot(roasts, held_out, parameters, plot_path)


def _logged(path: Path) -> Logged | None:
    try:
        record = formats.read_file(path)
    except RoastwatchError:
        return None
    at = {event.kind: event.at_s for event in record.events}
    charge, drop = at.get(EventKind.CHARGE), at.get(EventKind.DROP)
    bean = record.columns.get("bean_temp_c")
    if charge is None or drop is None or bean is None or drop - charge < 120:
        return None
    clock = np.asarray(record.at_s)
    good = _plausible(np.asarray(bean))
    grid = np.arange(charge, drop, STEP_S)
    before = good & (clock >= charge - 10) & (clock <= charge + 2)
    return Logged(
        name=path.stem,
        started=str(record.started_at),
        mass_kg=(record.properties.green_weight_g or DEFAULT_GREEN_G) / 1000,
        bean_c=np.interp(grid, clock[good], np.asarray(bean)[good]),
        heater=_setting(record, "heater", grid, DEFAULT_HEATER) / 100,
        fan=_setting(record, "fan", grid, DEFAULT_FAN) / 100,
        probe_at_charge_c=float(np.max(np.asarray(bean)[before])),
    )


def _plausible(bean: Column) -> npt.NDArray[np.bool_]:
    """Mask of values that are neither missing nor spikes (some logs jump from 188 to 349 °C)."""
    good = np.isfinite(bean) & (bean > 20) & (bean < 280)
    centre = np.array([np.nanmedian(bean[max(0, i - 3) : i + 4]) for i in range(len(bean))])
    kept: npt.NDArray[np.bool_] = good & (np.abs(bean - centre) < 12)
    return kept


def _setting(record: RoastRecord, what: str, grid: Column, default: float) -> Column:
    changes = sorted(
        (control.at_s, control.value)
        for control in record.controls
        if control.what == what and control.value is not None
    )
    values = np.full(len(grid), changes[0][1] if changes else default)
    for at_s, value in changes:
        values[grid >= at_s] = value
    return values


def _same(one: Logged, other: Logged) -> bool:
    length = min(len(one.bean_c), len(other.bean_c))
    near = abs(len(one.bean_c) - len(other.bean_c)) <= 3
    return near and bool(np.mean(np.abs(one.bean_c[:length] - other.bean_c[:length])) < 0.5)


if __name__ == "__main__":
    main()
