"""The page of ``polyspike report``: its figures, tables and words."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from polyspike import __version__, plot
from polyspike.cli.page import figure, note, page, paragraph, pre, section, table
from polyspike.errors import ArgumentError, NumericalError
from polyspike.plot.axes import new_figure
from polyspike.plot.style import palette, styled
from polyspike.problem import Problem
from polyspike.problem.serialise import toml_text
from polyspike.results import Measurement, Prediction
from polyspike.spectra import Spectrum, Spike, TrainingSpike

__all__ = ["Findings", "problem_page"]

NUMBERS = {
    "train_loss": "train loss (with the penalty)",
    "train_error": "train error",
    "test_error": "test error",
    "cosine": "cosine of the learned direction with the teacher's",
    "biased_cosine": "cosine with Σβ*, to which correlated inputs pull it",
}


@dataclass(frozen=True)
class Findings:
    """What the page is made of.

    Attributes
    ----------
    prediction : Prediction
    curve : list
        Predictions along the step, the first without one.
    runs : list of Replication
        That of the problem first; empty where nothing was simulated.
    spectrum : Measurement or None
        A run with all eigenvalues and an alignment.
    seed, n_test : int
    """

    prediction: Prediction
    curve: list[Any]
    runs: list[Any]
    spectrum: Measurement | None
    seed: int
    n_test: int


def problem_page(found: Findings) -> str:
    """The whole page."""
    problem = found.prediction.problem
    title = f"One gradient step: {problem.activation.label}, {problem.teacher.expression}"
    spectrum, why = _spectrum(found.prediction)
    return page(
        title,
        [
            _problem(problem),
            _numbers(found),
            _errors(found),
            _spikes(found, spectrum, why),
            _learned(found, spectrum),
            _provenance(found),
        ],
    )


def _problem(problem: Problem) -> str:
    edges = problem.window_edges
    window = f"on the edge of {edges[0]} and {edges[1]}" if edges else problem.window
    rows = [
        ("activation", problem.activation.label),
        ("teacher", problem.teacher.expression),
        ("samples n, of the gradient", f"{problem.n_samples}, {_of_gradient(problem)}"),
        ("inputs d", f"{problem.input_dim}{'' if problem.inputs.is_standard else f', {problem.inputs}'}"),
        ("neurons N", problem.width),
        ("step", f"{problem.step:.6g} = n^{problem.exponent:.4g}" if problem.step > 0 else "0"),
        ("window: spikes in the limit", "none applies" if window is None else window),
        ("ridge, noise", f"{problem.ridge:g}, {problem.noise:g}"),
        ("gradient, readout", f"{problem.gradient}, {problem.readout}"),
    ]
    return section("Problem", table((), rows))


def _of_gradient(problem: Problem) -> str:
    if problem.one_sample:
        return "the same"
    shared = f", {problem.shared_samples} of them the same" if problem.shared_samples else ""
    return f"{problem.gradient_samples}{shared}"


def _numbers(found: Findings) -> str:
    """Predicted, simulated and in the limit, side by side, and what they are worth."""
    own, (limit, why) = found.prediction, _limit(found.prediction)
    head = ["", "predicted at this size", *(["simulated"] if found.runs else []), "limit n → ∞"]
    rows = [_row(name, words, found, limit) for name, words in NUMBERS.items() if getattr(own, name) is not None]
    rows.append(("best linear model, nothing", f"{own.linear_error:.5g}, {own.null_error:.5g}"))
    content = [table(head, rows), *map(paragraph, _worth(found))]
    if not own.trusted:
        content.append(note(_untrusted(own.trust_reason)))
    content += [note(text) for text in own.notes]
    return section("Numbers", *content, *([paragraph(f"There is no limit beside it: {why}.")] if why else []))


def _row(name: str, words: str, found: Findings, limit: Any) -> tuple[str, ...]:
    value, bound = getattr(found.prediction, name), found.prediction.error_estimate
    predicted = f"{value:.5g}" + (f" ± {bound * abs(value):.2g}" if bound is not None and name != "cosine" else "")
    simulated = [str(getattr(found.runs[0], name)).replace("+/-", "±")] if found.runs else []
    there = None if limit is None else getattr(limit, name)
    return (words, predicted, *simulated, "" if there is None else f"{there:.5g}")


def _worth(found: Findings) -> list[str]:
    """What stands behind the signs ±, in words."""
    own, words = found.prediction, []
    if own.error_estimate is not None:
        words.append(
            f"± of a prediction: how far a network of this size may be from it, {own.error_estimate:.2%} by its own "
            "estimate."
        )
    if found.runs:
        words.append(f"± of a simulation: one standard error over {found.runs[0].replicates} networks.")
    return [*words, f"The prediction holds for: {own.regime}. Trusted: {'yes' if own.trusted else 'no'}."]


def _limit(prediction: Prediction) -> tuple[Any, str]:
    """The limit of a prediction, or None and why there is none."""
    try:
        return prediction.limit(), ""
    except (ArgumentError, NumericalError) as refusal:
        return None, str(refusal)


def _errors(found: Findings) -> str:
    why = _no_limit(found.prediction)
    missing = sum(row.test_error is None for row in found.curve)
    words = (
        "Test and train error against the step. Line: predicted at this size. Dashed: the limit, one level a window."
    )
    if found.runs:
        words += f" Dots: means over {found.runs[0].replicates} networks with one standard error."
    if missing:
        words += f" The theory has no answer at {missing} of {len(found.curve)} steps: gaps."
    content = [figure(_errors_figure(found, not why), words)]
    return section("Errors against the step", *content, *([note(f"No limit is drawn: {why}.")] if why else []))


def _no_limit(prediction: Prediction) -> str:
    """Why no level of the limit is to be had; empty if they are."""
    try:
        prediction.limit(1)
    except (ArgumentError, NumericalError) as refusal:
        return str(refusal)
    return ""


@styled
def _errors_figure(found: Findings, limit: bool) -> str:
    drawing, axes = new_figure(8.4, 3.5, ncols=2)
    problem = found.prediction.problem
    for ax, quantity in zip(axes, ("test_error", "train_error")):
        options: dict[str, Any] = {"limit": limit, "linear": quantity == "test_error", "legend": False}
        plot.errors(found.curve, found.runs or None, y=quantity, ax=ax, **options)
        if problem.step >= 1:
            ax.axvline(problem.exponent, color=palette(ax).colour(3), linewidth=0.9, zorder=0, label="this problem")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return plot.svg(drawing, "errors-")


def _untrusted(reason: str) -> str:
    return f"Not to be trusted: {reason}"


def _spectrum(prediction: Prediction) -> tuple[Spectrum | None, str]:
    try:
        return prediction.spectrum, ""
    except NumericalError as failure:
        return None, failure.message
    except ArgumentError as refusal:
        return None, str(refusal)


def _spikes(found: Findings, spectrum: Spectrum | None, why: str) -> str:
    if spectrum is None and found.spectrum is None:
        return section("Spectrum", note(f"The spectrum is not predicted: {why}."))
    words = "Eigenvalues of F F'/N. Line and rings: predicted bulk and spikes."
    if found.spectrum is not None:
        words += f" Grey and coloured: one network, seed {_seed(found.spectrum)}."
    content = [figure(_spectrum_figure(found.spectrum, spectrum), words)]
    if spectrum is None:
        return section("Spectrum", *content, note(f"It is not predicted: {why}."))
    ends = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in spectrum.edges)
    inside = f" Still inside the bulk: degrees {', '.join(map(str, spectrum.inside))}." if spectrum.inside else ""
    text = (
        f"The bulk lies on {ends}; {spectrum.atom:.1%} of the {found.prediction.problem.n_samples} eigenvalues are 0."
    )
    content.append(paragraph(text + inside + _worth_of_spikes(spectrum)))
    return section("Spectrum", *content, *([] if spectrum.trusted else [note(_untrusted(spectrum.trust_reason))]))


def _worth_of_spikes(spectrum: Spectrum) -> str:
    if spectrum.error_estimate is None:
        return ""
    return f" On average over networks spikes may be off by {spectrum.error_estimate:.1%}, by its own estimate."


@styled
def _spectrum_figure(run: Measurement | None, spectrum: Spectrum | None) -> str:
    drawing, ax = new_figure(6.6, 3.5)
    plot.spectrum(run, spectrum, ax=ax)
    return plot.svg(drawing, "spectrum-")


def _learned(found: Findings, spectrum: Spectrum | None) -> str:
    if spectrum is None:
        return ""
    words = (
        "Squared cosine of the singular vector of every predicted spike with the Hermite functions of the direction."
    )
    content = [figure(_learned_figure(spectrum), words)]
    if spectrum.spikes:
        degrees = range(len(spectrum.spikes[0].overlaps))
        rows = [
            (f"{k}", f"{spike.location:.5g}", *(f"{share:.3f}" for share in _shares(spike)))
            for k, spike in enumerate(spectrum.spikes, start=1)
        ]
        labels = ("label",) if isinstance(spectrum.spikes[0], TrainingSpike) else ()
        content.append(table(("spike", "eigenvalue", *(f"H{degree}" for degree in degrees), *labels), rows))
    if found.spectrum is not None and found.spectrum.alignment is not None:
        words = f"The same in one network, seed {_seed(found.spectrum)}; black: predicted."
        content.append(figure(_alignment_figure(found.spectrum, spectrum), words))
    return section("What each spike has learned", *content)


def _shares(spike: Spike) -> list[float]:
    """Squared cosines with the Hermite functions and, on the gradient's own samples, with the labels."""
    return [*spike.overlaps, *([spike.label] if isinstance(spike, TrainingSpike) else [])]


@styled
def _learned_figure(spectrum: Spectrum) -> str:
    drawing, ax = new_figure(6.6, 1.2 + 0.4 * max(1, len(spectrum.spikes)))
    plot.learned(spectrum, ax=ax)
    return plot.svg(drawing, "learned-")


@styled
def _alignment_figure(run: Measurement, spectrum: Spectrum) -> str:
    drawing, ax = new_figure(6.6, 2.8)
    plot.alignment(run, spectrum if spectrum.spikes else None, ax=ax)
    return plot.svg(drawing, "alignment-")


def _seed(run: Measurement) -> str:
    return ", ".join(map(str, run.seed))


def _provenance(found: Findings) -> str:
    packages = ("numpy", "scipy", "matplotlib")
    rows: list[tuple[str, str]] = [("polyspike", __version__), ("Python", platform.python_version())]
    rows += [(name, version(name)) for name in packages]
    if found.runs:
        count = found.runs[0].replicates
        rows.append(("seeds", f"({found.seed}, k), k = 0 .. {count - 1}; n_test = {found.n_test}"))
    else:
        rows.append(("seeds", "none: nothing was simulated"))
    return section("Where the numbers come from", table((), rows), *_file(found.prediction.problem))


def _file(problem: Problem) -> list[str]:
    """The TOML of the problem, where it has one."""
    try:
        text = toml_text(problem.to_dict())
    except ArgumentError:
        return []
    return [paragraph("The problem as a file, for polyspike report and the other commands:"), pre(text)]
