"""The figures of the commands, put together from the functions of :mod:`polyspike.plot`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike import plot
from polyspike.plot.axes import LABELS, Axes, Figure, log_ticks, name_ticks, new_figure
from polyspike.plot.style import palette, styled
from polyspike.results import Measurement, Prediction
from polyspike.spectra import Spectrum, Spike

__all__ = ["FIGURES", "phase_figure", "spectrum_command_figure", "sweep_figure"]

Columns = Mapping[str, NDArray]
Tables = Mapping[str, Columns]
Records = list[dict[str, Any]]

SHOWN_EXPONENT = 0.354
TEACHERS = {"linear": r"$\sigma_* = H_1$", "cubic": r"$\sigma_* = H_1 + 0.6 H_2 + 0.3 H_3$"}
WINDOWS = {1: r"$\ell = 1$", 2: r"$\ell = 2$", 3: r"$\ell = 3$"}
CONVERGENCE_PANELS = (
    (r"$\Vert F - F_\ell \Vert/\sqrt{n}$", {f"operator {k}": label for k, label in WINDOWS.items()}),
    ("difference of the test errors", {f"test {k}": label for k, label in WINDOWS.items()}),
    (
        "distance to the limit",
        {"loss 0.15": r"loss, $\alpha = 0.15$", "loss 0.2": r"loss, $\alpha = 0.2$", "alignment 1": "alignment 1"},
    ),
)

SAMPLES = {"fresh": "a fresh sample for the fit", "same": "the same sample for both"}
PROTOCOLS = {"fresh": "n + n\nfresh", "same": "n\nreused", "split": "n/2 + n/2\nsplit"}
COSINES = {
    "lean": r"$\beta$ with $\Sigma\beta_*$",
    "cosine": r"$\beta$ with $\beta_*$",
    "preconditioned": r"$\beta$ with $\beta_*$, preconditioned step",
}

# Letters that stand side by side under both panels of a sweep, markers and gaps taken off.
_LEGEND_WIDTH = 96


def records(columns: Columns, **where: float | str) -> Records:
    """The rows of a table in which the named columns have the given values; an exponent below 0 is no step."""
    rows = (dict(zip(columns, row)) for row in zip(*(values.tolist() for values in columns.values())))
    return [_with_step(row) for row in rows if all(row[name] == value for name, value in where.items())]


def _with_step(row: dict[str, Any]) -> dict[str, Any]:
    exponent = row.get("exponent")
    if exponent is None:
        return row
    return row | ({"step_size": 0.0} if exponent < 0 else {"step_exponent": exponent})


@styled
def _spectrum(tables: Tables) -> Figure:
    """Figure 1: one panel a step, with the bulk and the spikes that left it."""
    figure, grid = new_figure(7.2, 4.3, nrows=2, ncols=3, sharex=True)
    found, theory = tables["spectrum_eigenvalues"], tables.get("spectrum_theory")
    limits = (0.03, 3 * float(found["eigenvalue"].max()))
    for ax, panel in zip(grid.flat, records(tables["spectrum"])):
        name = panel["panel"]
        values = [row["eigenvalue"] for row in records(found, panel=name)]
        predicted = None if theory is None else spectrum_of(records(theory, panel=name))
        plot.spectrum(values, predicted, ax=ax, limits=limits, legend=False)
        ax.set_title(panel["title"], loc="left")
    for ax in grid[0]:
        ax.set_xlabel("")
    for ax in grid[:, 1:].flat:
        ax.set_ylabel("")
    return figure


def spectrum_of(rows: Records) -> Spectrum:
    """The spectrum that a table holds: its density, a share of the positive eigenvalues, at the points of a curve."""
    curve = [(row["x"], row["value"]) for row in rows if row["kind"] == "density"]
    x, density = (np.array(values) for values in zip(*curve))
    edges = tuple((row["x"], row["value"]) for row in rows if row["kind"] == "interval")
    spikes = tuple(Spike(row["x"], np.array([])) for row in rows if row["kind"] == "spike")
    return Spectrum(lambda places: np.interp(places, x, density), edges, 0.0, spikes)


@styled
def _alignment(tables: Tables) -> Figure:
    """Figure 2: shares of the polynomials and of Hermite functions, and the profile of each vector at one exponent."""
    figure, (first, second, third) = new_figure(7.2, 2.9, ncols=3)
    stepped = [row for row in records(tables["alignment"]) if "step_exponent" in row]
    theory = records(tables["alignment_theory"])
    new = {f"new{k}": f"degree {k}" for k in range(1, 5)}
    plot.shares(stepped, names=new, ax=first, legend=False)
    plot.shares(stepped, theory, names={f"h{k}": f"degree {k}" for k in range(1, 5)}, ax=second, legend=False)
    measured, predicted = (
        records(tables[f"alignment_{name}"], exponent=SHOWN_EXPONENT) for name in ("profiles", "profile_theory")
    )
    plot.alignment(measured, predicted, ax=third, legend=False)
    titles = (r"new part of $P_k$", r"Hermite $H_k$", rf"$\alpha = {SHOWN_EXPONENT:g}$")
    for ax, title, pad in zip((first, second, third), titles, (None, None, 14)):  # as high as over the windows
        ax.set_title(title, loc="left", pad=pad)
    second.set_ylabel("")
    for ax in (first, second):
        ax.set_xlabel(r"step exponent $\alpha$")
    bars = [handle for handle in third.containers if hasattr(handle, "patches") and handle.patches]
    names = [f"degree {k}" for k in range(len(bars))]
    figure.legend(bars, names, loc="outside lower center", ncols=len(names))
    return figure


@styled
def _errors(tables: Tables) -> Figure:
    """Figure 3: test error above, train error below, one column a teacher."""
    figure, grid = new_figure(7.2, 5.0, nrows=2, ncols=len(TEACHERS), sharex=True, squeeze=False)
    for column, (teacher, title) in zip(grid.T, TEACHERS.items()):
        for ax, quantity in zip(column, ("test_error", "train_error")):
            _errors_of(ax, tables, teacher, quantity)
        column[0].set_title(title, loc="left")
        column[0].set_xlabel("")
    _legend_of_all(figure, grid)
    return figure


def _errors_of(ax: Axes, tables: Tables, teacher: str, quantity: str) -> None:
    theory, measured = tables["errors_theory"], records(tables["errors"], teacher=teacher)
    linear = records(theory, teacher=teacher, curve="linear_error")[0][quantity]
    curve = [
        row | {"step_exponent": row["place"], "linear_error": linear}
        for row in records(theory, teacher=teacher, curve="finite-size")
        if row["place"] >= 0
    ]
    limit = [row | {"window": row["place"]} for row in records(theory, teacher=teacher, curve="window") if row["place"]]
    plot.errors(
        [_without(row, "curve") for row in curve],
        measured,
        y=quantity,
        limit=[_without(row, "curve") for row in limit],
        linear=quantity == "test_error",
        ax=ax,
        legend=False,
        line_kwargs={"label": "theory at this size"},
    )


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _legend_of_all(figure: Figure, grid: Any) -> None:
    """One legend for all axes."""
    entries: dict[str, Any] = {}
    for ax in grid.flat:
        handles, labels = ax.get_legend_handles_labels()
        entries = dict(zip(labels, handles)) | entries
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=len(entries))


@styled
def _convergence(tables: Tables) -> Figure:
    """Figure 4: one panel for each group of distances, and one for the constant part of the even spikes."""
    figure, grid = new_figure(7.2, 5.4, nrows=2, ncols=2)
    for ax, (title, names) in zip(grid.flat, CONVERGENCE_PANELS):
        _distances(ax, tables["convergence"], tables["convergence_rates"], names)
        ax.set_ylabel(title)
    _offsets(grid.flat[-1], tables["convergence_offsets"])
    for ax in grid.flat:
        _legend_above(ax, ncols=1)
    return figure


def _distances(ax: Axes, distances: Columns, rates: Columns, names: Mapping[str, str]) -> None:
    """Distances against n on logarithmic axes, with the fitted power of each in the legend."""
    dots: Records = []
    lines: Records = []
    for name, label in names.items():
        mine, fit = records(distances, name=name), records(rates, name=name)[0]
        curve = {"curve": rf"{label}: $n^{{{fit['rate']:.2f}}}$"}
        dots += [row | curve | {"n_samples": row["n"]} for row in mine]
        power = [fit["prefactor"] * row["n"] ** fit["rate"] for row in mine]
        lines += [curve | {"n_samples": row["n"], "distance": value} for row, value in zip(mine, power)]
    plot.errors(lines, dots, "n_samples", "distance", ax=ax, legend=False, line_kwargs={"linewidth": 0.8})
    _size_axis(ax, distances)
    ax.set_yscale("log")
    log_ticks(ax.yaxis, 1.0)


def _size_axis(ax: Axes, columns: Columns) -> None:
    sizes = np.unique(columns["n"])
    ax.set(xscale="log", xlabel=r"$n$   ($d$ and $N$ in proportion)")
    name_ticks(ax.xaxis, sizes)


def _offsets(ax: Axes, columns: Columns) -> None:
    """What both statements of the spikes leave of the constant part of F, against n."""
    statements = {"corrected": r"smoothed $P_k$", "published": "monomials (published)"}
    rows = [row | {"n_samples": row["n"]} for row in records(columns)]
    predicted = [{"n_samples": row["n_samples"], "offset": row["left_by_published"]} for row in rows]
    ax.axhline(0, color=palette(ax).theory, linewidth=1.1)
    plot.errors(predicted, x="n_samples", y="offset", ax=ax, legend=False, line_kwargs={"label": "predicted"})
    for (name, label), degree, marker in zip(statements.items(), (3, 2), "^s"):
        dots = [{"n_samples": row["n_samples"], "offset": row[name], "offset_se": row[f"{name}_se"]} for row in rows]
        look = {"color": palette(ax).colour(degree), "label": label, "fmt": marker}
        plot.errors(measured=dots, x="n_samples", y="offset", ax=ax, legend=False, dot_kwargs=look)
    _size_axis(ax, columns)
    ax.set_ylabel("constant part left over")


def _legend_above(ax: Axes, **options: Any) -> None:
    """A legend where it covers no data: above the axes."""
    ax.legend(**({"loc": "lower left", "bbox_to_anchor": (0, 1.0), "ncols": 2, "borderaxespad": 0.2} | options))


@styled
def _realdata(tables: Tables) -> Figure:
    """Figure 5: spectrum before and after the step, alignment, and test error against the exponent."""
    figure, grid = new_figure(7.2, 4.8, nrows=2, ncols=2)
    spectra = tables["realdata_spectra"]
    limits = (0.02, 3 * float(spectra["eigenvalue"].max()))
    for ax, when in zip(grid[0], ("before", "after")):
        values = [row["eigenvalue"] for row in records(spectra, when=when)]
        plot.spectrum(values, ax=ax, limits=limits, legend=False)
        ax.set_title(f"{when} the step")
    stepped = [row for row in records(tables["realdata_alignment"]) if "step_exponent" in row]
    names = {f"h{k}": rf"$H_{k}$" for k in range(1, 4)}
    plot.shares(stepped, names=names, ax=grid[1, 0], legend=False)
    _legend_above(grid[1, 0], ncols=3, bbox_to_anchor=(0, 1.08))
    _realdata_errors(grid[1, 1], records(tables["realdata"]), records(tables["realdata_predicted"]))
    figure.suptitle(str(tables["realdata_data"]["title"][0]), x=0.01, ha="left", fontsize=9)
    return figure


def _realdata_errors(ax: Axes, rows: Records, predicted: Records) -> None:
    """Means over the splits as dots, the theory on the rows of one split as a line and its band over the test rows."""
    plot.errors(measured=rows, ax=ax, legend=False, dot_kwargs={"label": "one step"})
    curve = [row for row in predicted if "step_exponent" in row]
    x, y, se = (np.array([row[name] for row in curve]) for name in ("step_exponent", "test_error", "test_error_se"))
    colour = palette(ax).colour(0)
    ax.plot(x, y, color=colour, linewidth=1.0, label="predicted, one split")
    ax.fill_between(x, y - se, y + se, color=colour, alpha=0.15, linewidth=0)
    style: dict[str, Any] = {"color": palette(ax).colour(4), "linestyle": (0, (6, 2))}
    ax.axhline(rows[0]["linear_error"], label="ridge on the inputs", **style)
    _legend_above(ax, ncols=2, bbox_to_anchor=(0, 1.08), columnspacing=1.0)


@styled
def _reuse(tables: Tables) -> Figure:
    """Figure 6: test error of fresh and reused samples at two ridges, and three protocols at their best."""
    figure, (first, second, third) = new_figure(7.2, 3.0, ncols=3, width_ratios=(1, 1, 0.8))
    rows, theory = records(tables["reuse"]), records(tables["reuse_theory"])
    for ax, ridge in zip((first, second), dict.fromkeys(row["ridge"] for row in rows)):
        curve = [row for row in theory if row["ridge"] == ridge and row.get("step_size") != 0]
        _curves(ax, _named(curve, "protocol", SAMPLES), _named(rows, "samples", SAMPLES, ridge=ridge))
        ax.set_title(f"ridge {ridge:g}", loc="left")
    second.set_ylabel("")
    _protocols(third, records(tables["reuse_protocols"]))
    _legend_of_all(figure, np.array([first]))
    return figure


def _named(rows: Records, column: str, names: Mapping[str, str], **where: float | str) -> Records:
    """The rows of the named curves."""
    mine = [row for row in rows if row[column] in names and all(row[key] == value for key, value in where.items())]
    return [row | {"curve": names[row[column]]} for row in mine]


def _curves(ax: Axes, predicted: Records, measured: Records) -> None:
    """Test error against the step, lines under dots, one colour a curve."""
    plot.errors(predicted, measured, hue="curve", ax=ax, legend=False)


def _protocols(ax: Axes, rows: Records) -> None:
    """The test error of every protocol: simulated as a dot with its bar, predicted as a line across."""
    for place, row in enumerate(rows):
        colour = palette(ax).series[place]  # fresh and reused as in the curves
        ax.hlines(row["predicted_test_error"], place - 0.25, place + 0.25, color=colour, linewidth=1.3)
        ax.errorbar(place, row["test_error"], yerr=row["test_error_se"], fmt="o", color=colour, elinewidth=1, zorder=3)
    ax.set(xlim=(-0.5, len(rows) - 0.5), xlabel="samples of step and fit")
    ax.set_xticks(range(len(rows)), [PROTOCOLS[row["protocol"]] for row in rows])
    ax.set_title("best step and ridge", loc="left", pad=14)  # as high as over the windows


@styled
def _inputs(tables: Tables) -> Figure:
    """Figure 7: test error of four spectra, and the cosines of the learned direction for power-law inputs."""
    figure, (first, second) = new_figure(7.2, 3.4, ncols=2)
    measured, theory = records(tables["inputs"]), records(tables["inputs_theory"])
    names = {str(row["spectrum"]): str(row["spectrum"]) for row in measured}
    _curves(first, _named(theory, "spectrum", names), _named(measured, "spectrum", names))
    _legend_above(first, bbox_to_anchor=(0, 1.08))
    _cosines(second, records(tables["inputs_cosines"]), records(tables["inputs_cosine_theory"]))
    return figure


def _cosines(ax: Axes, measured: Records, theory: Records) -> None:
    """Cosines against the samples of the gradient, of the plain and of the preconditioned step."""
    lines = [_cosine(row, name) for name in COSINES for row in theory if name in row]
    dots = [_cosine(row, name) for name in COSINES for row in measured]
    plot.errors(lines, dots, "n_gradient", "cosine", hue="curve", ax=ax, legend=False)
    ax.set(xscale="log", xlabel=r"samples of the gradient $n_0$", ylabel="cosine")
    name_ticks(ax.xaxis, np.array([row["n_gradient"] for row in measured]))
    _legend_above(ax, ncols=1)


def _cosine(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = {"curve": COSINES[name], "n_gradient": row["n_gradient"], "cosine": row[name]}
    return found | ({"cosine_se": row[f"{name}_se"]} if f"{name}_se" in row else {})


@styled
def phase_figure(found: Any) -> Figure:
    """The map of ``polyspike phase``."""
    figure, ax = new_figure(5.4, 3.9)
    plot.phase(found, ax=ax)
    return figure


@styled
def spectrum_command_figure(run: Measurement, theory: Prediction) -> Figure:
    """The spectrum of ``polyspike spectrum``."""
    figure, ax = new_figure(5, 3.2)
    plot.spectrum(run, theory, ax=ax)
    return figure


@styled
def sweep_figure(measured: Sequence[Mapping[str, Any]], theory: Sequence[Mapping[str, Any]], field: str) -> Figure:
    """Test error and train error of ``polyspike sweep`` against the step, one colour for every curve.

    Parameters
    ----------
    measured, theory : sequence of mappings
        Rows of :func:`polyspike.experiments.curves.summary` and ``theory_curves``; the latter may be empty.
    field : {"step_exponent", "step_size"}
    """
    figure, axes = new_figure(7.2, 3.4, ncols=2)
    for ax, quantity in zip(axes, ("test_error", "train_error")):
        plot.sweep(measured, x=field, y=quantity, theory=theory or None, ax=ax, legend=False)
        ax.set_ylabel(LABELS[quantity])
    handles, labels = axes[0].get_legend_handles_labels()
    if theory and len(handles) > 1:
        line = axes[0].plot([], [], color=palette(axes[0]).quiet)[0]
        handles, labels = [*handles, line], [*labels, f"lines: {theory[0].get('method', 'predicted')} theory"]
    columns = max(1, min(3, _LEGEND_WIDTH // max(map(len, labels))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure


FIGURES: dict[str, Callable[[Tables], Figure]] = {
    "spectrum": _spectrum,
    "alignment": _alignment,
    "errors": _errors,
    "convergence": _convergence,
    "realdata": _realdata,
    "reuse": _reuse,
    "inputs": _inputs,
}
"""The figure of each part of the reproduction, by name."""
