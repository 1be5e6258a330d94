"""``polyspike spectrum``: the spikes of a network's features, and what they have learned."""

from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.options import Json, with_problem
from polyspike.cli.output import print_json
from polyspike.problem import Problem

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike spectrum --activation relu --step-exponent 0.4; "
    "polyspike spectrum --step-exponent 0.3 --figure spectrum.png"
)


@with_problem
def command(
    problem: Problem,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
    degree: Annotated[int, typer.Option(help="Highest Hermite degree of the profiles.")] = 4,
    figure: Annotated[Path | None, typer.Option(help="Write the histogram to this file.")] = None,
    json: Json = False,
) -> None:
    """Eigenvalues of F F'/N: where the bulk ends, which spikes have left it, and what each has learned."""
    from polyspike.experiments.edge import fit_edge, split_spikes
    from polyspike.simulation import simulate

    run = simulate(problem, seed=seed, n_test=2, eigenvalues="all", alignment_degree=degree)
    assert run.eigenvalues is not None
    spikes, edge = split_spikes(run.eigenvalues), fit_edge(run.eigenvalues)
    overlaps: Any = [] if run.alignment is None else run.alignment.overlaps[: len(spikes)]
    if figure is not None:
        _draw(figure, run.eigenvalues, edge.position)
    values = {"bulk_edge": edge.position, "spikes": spikes, "overlaps": overlaps}
    if json:
        print_json({"problem": repr(problem), "seed": seed, **values})
    else:
        _print(problem, values)


def _draw(path: Path, eigenvalues: Any, edge: float) -> None:
    from polyspike.plotting import new_figure, save_figure, spectrum_axes

    figure, axes = new_figure(5, 3.2)
    spectrum_axes(axes, eigenvalues, edge)
    save_figure(figure, path)


def _print(problem: Problem, values: dict[str, Any]) -> None:
    print(problem)
    print(f"the bulk ends at {values['bulk_edge']:.4g}; {len(values['spikes'])} spikes beyond it")
    for k, location in enumerate(values["spikes"]):
        profile = values["overlaps"][k] if k < len(values["overlaps"]) else []
        learned = "  ".join(f"h{j} {share:.3f}" for j, share in enumerate(profile, start=1))
        print(f"  {location:10.4g}   {learned}")
