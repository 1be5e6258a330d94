"""``polyspike loo``: the test error from the training samples, each left out of the step and of the fit."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from polyspike.cli.options import Json, integer, with_problem
from polyspike.cli.output import print_json
from polyspike.cli.own_table import facts_of, file_and_target, in_words, read_own, with_reading
from polyspike.errors import ArgumentError
from polyspike.problem import Problem

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike loo --activation relu --n-samples 1000 --step-exponent 0.3 --ridges 0.001,0.01,0.1,1; "
    "polyspike loo --activation tanh --width 300 --step-exponent 0.2 --data houses.csv --target price"
)

ROUGH = 0.1

OF_THE_TABLE = {
    "n_samples": "all rows of the table are used",
    "n_gradient": "all rows of the table are used, in both stages",
    "input_dim": "it is the number of independent columns of the table",
    "inputs": "the inputs are those of the table",
    "teacher": "the labels are the target of the table",
    "noise": "the labels are the target of the table, with the noise that they have",
}
"""Options of a problem that have no effect with a table, each with the reason."""

COLUMNS = ("ridge", "test_error", "test_error_se", "plain_error", "gcv_error", "train_error")


@with_problem
@with_reading
def command(
    problem: Problem,
    reading: dict[str, Any],
    given: dict[str, Any],
    ridges: Annotated[str | None, typer.Option(help="Several ridges with commas between; one line each.")] = None,
    data: Annotated[Path | None, typer.Option(help="Rows of your own, CSV or Parquet, all of which are used.")] = None,
    target: Annotated[str | None, typer.Option(help="The column of the table that is to be predicted.")] = None,
    seed: Annotated[int, integer("Seed of the network, and of the samples where there is no table.")] = 0,
    exact: Annotated[bool, typer.Option("--exact", help="Refit without every sample; takes long.")] = False,
    json: Json = False,
) -> None:
    """Estimate the test error of one sample for both stages, step and ridge regression, without a test set.

    Every sample is left out of both. Beside it plain leave-one-out and generalised cross-validation, which leave it out
    of the ridge regression alone and promise too little after a step.
    """
    from polyspike.simulation import leave_one_out

    named = file_and_target(data, target, reading)
    _refuse_without_effect(given, ridges, named is not None)
    asked = _values(ridges, problem)
    problem, rows, facts = _with_rows(problem.replace(samples="same"), named, reading)
    found = leave_one_out([problem.replace(ridge=r) for r in asked], seed=seed, exact=exact, **rows)
    values = [{name: getattr(one, name, one.problem.ridge) for name in COLUMNS} for one in found]
    best = min(values, key=lambda row: row["test_error"])
    if json:
        found_values = {"seed": seed, "exact": exact, "ridges": values, "best": best["ridge"]}
        print_json({"problem": repr(problem), **facts, **found_values})
        return
    print(problem)
    for line in in_words(facts) if facts else ():
        print(f"  {line}")
    print("  ".join(f"{name:>13}" for name in COLUMNS))
    for row in values:
        mark = "  <- the least" if row is best and len(values) > 1 else ""
        print("  ".join(f"{row[name]:>13.6g}" for name in COLUMNS) + mark)
    rough = [one for one in found if one.spot_check > ROUGH]
    for one in rough:
        print(f"ridge {one.problem.ridge:g}: exact refits differ by {one.spot_check:.0%} of a residual; give --exact")


def _refuse_without_effect(given: dict[str, Any], ridges: str | None, with_table: bool) -> None:
    """Options that would change nothing are refused by name; a file of the problem may say more than is used."""
    if "ridge" in given and ridges is not None:
        raise ArgumentError("--ridge, --ridges", (given["ridge"], ridges), "both given; give one of the two")
    if given.get("samples") == "fresh":
        remedy = "both stages have the same samples here; for fresh ones plain leave-one-out is right. Leave it out"
        raise ArgumentError("--samples", "fresh", remedy)
    for name in OF_THE_TABLE if with_table else ():
        if name in given:
            remedy = f"{OF_THE_TABLE[name]}; leave it out, or leave out --data"
            raise ArgumentError(f"--{name.replace('_', '-')}", given[name], remedy)


def _values(ridges: str | None, problem: Problem) -> list[float]:
    if ridges is None:
        return [problem.ridge]
    try:
        return [float(text) for text in ridges.split(",")]
    except ValueError as error:
        raise ArgumentError("--ridges", ridges, "give numbers with commas between, as 0.01,0.1,1") from error


def _with_rows(
    problem: Problem, named: tuple[Path, str] | None, reading: dict[str, Any]
) -> tuple[Problem, dict[str, Any], dict[str, Any]]:
    """The problem of the sizes of the table, its whitened inputs and standardised target, and what was used of it; none
    without a table.
    """
    if named is None:
        return problem, {}, {}
    from polyspike.data import whiten

    table = read_own(*named, reading)
    inputs = whiten(table.inputs)
    centred = table.target - np.mean(table.target)
    sized = problem.replace(n_samples=len(inputs), input_dim=inputs.shape[1])
    return sized, {"inputs": inputs, "target": centred / np.std(centred)}, facts_of(table)
