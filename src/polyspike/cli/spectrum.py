"""``polyspike spectrum``: the spikes of a network's features, and what they have learned."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from polyspike.cli.options import Json, integer, with_problem
from polyspike.cli.output import check_figure, print_json, save_whole, spectrum_values
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.spectra import Spectrum

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

    Each is shown as it is in one simulated network and, below it, as the uniform theory predicts it.
    """
    from polyspike.experiments.edge import fit_edge, split_spikes
    from polyspike.simulation import simulate
    from polyspike.theory import predict

    if figure is not None:
        check_figure(figure)
    run = simulate(problem, seed=seed, n_test=2, eigenvalues="all", alignment_degree=degree)
    assert run.eigenvalues is not None
    spikes, edge = split_spikes(run.eigenvalues), fit_edge(run.eigenvalues)
    overlaps: Any = [] if run.alignment is None else run.alignment.overlaps[: len(spikes)]
    result = predict(problem)
    assert isinstance(result, Prediction)
    theory = result.spectrum
    if figure is not None:
        _draw(figure, run.eigenvalues, edge.position, theory)
    values = {"bulk_edge": edge.position, "spikes": spikes, "overlaps": overlaps}
    if json:
        print_json({"problem": repr(problem), "seed": seed, **values, "predicted": spectrum_values(theory)})
        return
    print(problem)
    print(f"\nsimulated, seed {seed}: the bulk ends at {edge.position:.4g}; {len(spikes)} spikes beyond it")
    for k, location in enumerate(spikes):
        _print_spike(location, overlaps[k] if k < len(overlaps) else [])
    _print_theory(theory, degree)


def _print_theory(theory: Spectrum, degree: int) -> None:
    ends = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in theory.edges)
    print(f"\npredicted: the bulk lies on {ends}; {len(theory.spikes)} spikes outside it, on average at")
    for spike, mean in zip(theory.spikes, theory.means, strict=True):
        _print_spike(mean, spike.overlaps[1 : degree + 1])
    if theory.inside:
        print(f"  still inside: {', '.join(f'h{k}' for k in theory.inside)}")


def _print_spike(location: float, profile: Any) -> None:
    learned = "  ".join(f"h{j} {share:.3f}" for j, share in enumerate(profile, start=1))
    print(f"  {location:10.4g}   {learned}")


def _draw(path: Path, eigenvalues: Any, edge: float, theory: Spectrum) -> None:
    from polyspike.experiments.reproduce.spectrum import density_curve
    from polyspike.plotting import new_figure, spectrum_axes

    figure, axes = new_figure(5, 3.2)
    spikes = np.array([spike.location for spike in theory.spikes])
    spectrum_axes(axes, eigenvalues, edge, density_curve(theory), spikes)
    save_whole(figure, path)
