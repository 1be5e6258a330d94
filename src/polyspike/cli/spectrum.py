"""``polyspike spectrum``: the spikes of a network's features, and what they have learned."""

from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.announce import announced, check_run, predictions_announced
from polyspike.cli.options import Json, integer, with_problem
from polyspike.cli.output import check_figure, print_json, save_whole, spectrum_values
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Measurement, Prediction
from polyspike.spectra import Spectrum, TrainingSpike

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike spectrum --activation relu --step-exponent 0.4; "
    "polyspike spectrum --step-exponent 0.3 --figure spectrum.png"
)


@with_problem
def command(
    problem: Problem,
    seed: Annotated[int, integer("Seed of the draw.")] = 0,
    degree: Annotated[int, integer("Highest Hermite degree of the profiles.")] = 4,
    figure: Annotated[Path | None, typer.Option(help="Write the histogram to this file.")] = None,
    json: Json = False,
) -> None:
    """Eigenvalues of F F'/N: where the bulk ends, which spikes have left it, and what each has learned.

    Each is shown as it is in one simulated network and, below it, as the finite-size theory predicts it.
    """
    from polyspike.edge import fit_edge, split_spikes
    from polyspike.simulation import simulate
    from polyspike.theory import predict

    if figure is not None:
        check_figure(figure)
    _check_size(problem)
    options: dict[str, Any] = {"n_test": 2, "eigenvalues": "all", "alignment_degree": degree}
    check_run(seed, options)
    result = predict(problem)  # first, because it takes milliseconds: what it refuses is refused before the long work
    with announced(problem, options) as report:
        run = simulate(problem, seed=seed, progress=report, **options)
    assert run.eigenvalues is not None
    spikes, edge = split_spikes(run.eigenvalues), fit_edge(run.eigenvalues)
    overlaps: Any = [] if run.alignment is None else run.alignment.overlaps[: len(spikes)]
    with predictions_announced():
        theory = result.spectrum
    if figure is not None:
        _draw(figure, run, result)
    values = {"bulk_edge": edge.position, "spikes": spikes, "overlaps": overlaps}
    if json:
        print_json({"problem": repr(problem), "seed": seed, **values, "predicted": spectrum_values(theory)})
        return
    print(problem)
    print(f"\nsimulated, seed {seed}: the bulk ends at {edge.position:.4g}; {_spikes(spikes)} beyond it")
    for k, location in enumerate(spikes):
        _print_spike(location, overlaps[k] if k < len(overlaps) else [])
    _print_theory(theory, degree)


def _check_size(problem: Problem) -> None:
    """The edge of the bulk is fitted to some eigenvalues."""
    from polyspike.edge import LEAST

    if min(problem.n_samples, problem.width) < LEAST:
        sizes = (problem.n_samples, problem.width)
        raise ArgumentError("n_samples, width", sizes, f"give at least {LEAST} of each, to see where the bulk ends")


def _print_theory(theory: Spectrum, degree: int) -> None:
    ends = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in theory.edges)
    where = "on average at" if theory.has_expectations else "in the limit at"
    print(f"\npredicted: the bulk lies on {ends}; {_spikes(theory.spikes)} outside it, {where}")
    for spike, mean in zip(theory.spikes, theory.means, strict=True):
        _print_spike(mean, spike.overlaps[1 : degree + 1], spike.label if isinstance(spike, TrainingSpike) else None)
    if theory.inside:
        print(f"  still inside: {', '.join(f'h{k}' for k in theory.inside)}")
    if theory.error_estimate is not None:
        print(f"  the mean of many networks may be off these places by {theory.error_estimate:.1%} (its own estimate)")
    if not theory.trusted:
        print(f"  not to be trusted: {theory.trust_reason}")


def _spikes(found: Any) -> str:
    return f"{len(found)} spike{'' if len(found) == 1 else 's'}"


def _print_spike(location: float, profile: Any, label: float | None = None) -> None:
    learned = [f"h{j} {share:.3f}" for j, share in enumerate(profile, start=1)]
    print(f"  {location:10.4g}   " + "  ".join([*learned, *([] if label is None else [f"label {label:.3f}"])]))


def _draw(path: Path, run: Measurement, theory: Prediction) -> None:
    from polyspike.cli.figures import spectrum_command_figure

    save_whole(spectrum_command_figure(run, theory), path)
