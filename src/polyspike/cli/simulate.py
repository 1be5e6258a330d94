"""``polyspike simulate``: what a real network does."""

from collections.abc import Sequence
from typing import Annotated, Any

from polyspike.cli.announce import announced, check_run
from polyspike.cli.options import Device, Dtype, Json, Streaming, integer, with_problem
from polyspike.cli.output import print_json, print_lines
from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Estimate, Measurement

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike simulate --activation relu --step-exponent 0.3 --seed 7; "
    "polyspike simulate --problem mine.toml --replicates 10 --json"
)

FIELDS = ("train_loss", "train_error", "test_error", "cosine", "rank_one_fraction")


@with_problem
def command(
    problem: Problem,
    seed: Annotated[int, integer("Seed of the draw; the same seed gives the same numbers.")] = 0,
    replicates: Annotated[int, integer("Runs; from two on, means with standard errors.")] = 1,
    n_test: Annotated[int, integer("Fresh test samples.")] = 20_000,
    dtype: Dtype = "float64",
    device: Device = "cpu",
    streaming: Streaming = None,
    json: Json = False,
) -> None:
    """Train a real two-layer network: one gradient step, then ridge; measure its errors."""
    if replicates < 1:
        raise ArgumentError("--replicates", replicates, "give an integer >= 1")
    options = {"n_test": n_test, "dtype": dtype, "device": device, "streaming": streaming}
    values = _one(problem, seed, options) if replicates == 1 else _many(problem, seed, replicates, options)
    if json:
        print_json({"problem": repr(problem), "seed": seed, "dtype": dtype, "device": device, **values})
        return
    print(problem)
    print_lines({name: _shown(value) for name, value in values.items()})


def _one(problem: Problem, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    from polyspike.simulation import simulate

    check_run(seed, options)
    with announced(problem, options) as report:
        run = simulate(problem, seed=seed, progress=report, **options)
    found = {name: getattr(run, name) for name in FIELDS} | {"test_error_se": run.test_error_se}
    return found if run.biased_cosine is None else found | {"biased_cosine": run.biased_cosine}


def _many(problem: Problem, seed: int, replicates: int, options: dict[str, Any]) -> dict[str, Any]:
    from polyspike.experiments.replicate import replicate
    from polyspike.simulation import simulate

    check_run(seed, options)
    with announced(problem, options, replicates) as report:

        def run(problems: Sequence[Problem], seed: tuple[int, ...], **options: Any) -> list[Measurement]:
            done = seed[-1]
            return [
                simulate(p, seed=seed, progress=lambda s: report((done + s) / replicates), **options) for p in problems
            ]

        runs = replicate(problem, replicates=replicates, seed=seed, run=run, **options)
    estimates: dict[str, Estimate] = {name: getattr(runs, name) for name in FIELDS}
    if runs.biased_cosine is not None:
        estimates["biased_cosine"] = runs.biased_cosine
    return {name: e.to_dict() for name, e in estimates.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return f"{Estimate(**value)}   ({value['replicates']} runs)".replace("+/-", "±")
    return value
