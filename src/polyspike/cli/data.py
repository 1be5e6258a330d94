"""``polyspike data``: networks on a user's own table, predicted beside measured."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.announce import WORTH_A_WORD, duration
from polyspike.cli.options import Json, integer
from polyspike.cli.output import print_json
from polyspike.cli.own_table import facts_of, in_words, read_own, with_reading
from polyspike.cli.values import complete_from
from polyspike.errors import ArgumentError, DoesNotFitError
from polyspike.problem import ACTIVATIONS

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike data houses.csv --target price; "
    "polyspike data houses.csv --target price --activation tanh --width 400 --networks 20"
)

MIN_ROWS, MAX_DIRECTIONS, MAX_FITTED = 50, 200, 1000


@with_reading
def command(
    reading: dict[str, Any],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file.")],
    target: Annotated[str, typer.Option(help="Its target column.")],
    activation: Annotated[
        str, typer.Option(help="relu, tanh, gelu, ...", autocompletion=complete_from(*ACTIVATIONS))
    ] = "relu",
    width: Annotated[int | None, integer("N, neurons; half the rows of the fit, 60 at least, when absent.")] = None,
    n_samples: Annotated[
        int | None, integer("n, rows of the ridge fit and of the gradient, each; two fifths when absent, 1000 at most.")
    ] = None,
    ridge: Annotated[list[float] | None, typer.Option(help="lambda > 0; repeat it to choose the best.")] = None,
    gradient: Annotated[str, typer.Option(help="full or target.", autocompletion=complete_from("full", "target"))] = (
        "full"
    ),
    networks: Annotated[int, integer("Networks that are trained, 2 or more.")] = 8,
    seed: Annotated[int, integer("Seed of the split and of the networks.")] = 0,
    json: Json = False,
) -> None:
    """Predict what networks do on your table, and train some beside it.

    For the inputs as they are (every column standardised) and whitened: the best step by the theory that is conditional
    on your rows, its test error, and that of networks on the same rows. Nothing is fitted to the data but by the
    networks themselves.
    """
    from polyspike.experiments.own_data import beside_networks, shape_of

    some = ridge or [0.1]
    network: dict[str, Any] = {"activation": activation, "gradient": gradient}
    _check_options(network | {"width": width, "n_samples": n_samples}, some, networks, seed)
    data = read_own(file, target, reading, MIN_ROWS)
    n = _rows_of_the_fit(len(data.target), n_samples)
    network |= {"width": _width(n) if width is None else width, "n_samples": n}
    forms = _forms(data)
    facts, wanted = facts_of(data, MAX_DIRECTIONS), _standardised(data.target)
    _announce(forms, network, networks, len(some))
    network |= {"ridges": some, "n_gradient": n}
    shapes = {form: shape_of(x) for form, x in forms.items()}
    found = {form: beside_networks(x, wanted, networks=networks, seed=seed, **network) for form, x in forms.items()}
    if json:
        sizes = {"n": n, "width": network["width"]}
        print_json(facts | sizes | {"inputs": {f: _values(shapes[f], c) for f, c in found.items()}})
        return
    rows = f"{len(wanted)} rows" if len(wanted) == data.rows_read else f"{len(wanted)} of {data.rows_read} rows"
    print(f"{data.name}: {data.target_name} from {data.shape[1]} columns; {rows}, {n} for the fit")
    for line in in_words(facts):
        print(f"  {line}")
    for form, comparison in found.items():
        _print(form, shapes[form], comparison)


def _forms(data: Any) -> dict[str, Any]:
    """The inputs in one unit, and whitened along the leading directions."""
    from polyspike.data import fit_whitening, rescale

    whitening = fit_whitening(data.inputs, common_unit=data.common_unit)
    if whitening.dim < 2:
        raise ArgumentError("data", data.name, "its input columns are all the same up to scale; give two that differ")
    raw = rescale(data.inputs, standardised=not data.common_unit)
    return {"as they are": raw, "whitened": whitening.leading(MAX_DIRECTIONS)(data.inputs)}


def _standardised(target: Any) -> Any:
    from polyspike.data.scale import standardise

    return standardise(target)


def _check_options(sizes: dict[str, Any], ridges: list[float], networks: int, seed: int) -> None:
    """Refuse what is wrong whatever the table holds, before it is read; None is what the table decides."""
    from polyspike.problem import Problem
    from polyspike.scalars import as_integer, as_seed
    from polyspike.theory.on_data.predict import check_ridge

    problem = Problem(step_size=0.0, **{name: value for name, value in sizes.items() if value is not None})
    for ridge in ridges:
        check_ridge(problem.replace(ridge=ridge).ridge)
    as_integer("networks", networks, 2, ", else there is no error bar")
    as_seed(seed)


def _rows_of_the_fit(rows: int, n_samples: int | None) -> int:
    """As many for the gradient, and two at least are left for the test."""
    from polyspike.rows import LEAST_TESTED

    most = (rows - LEAST_TESTED) // 2
    if n_samples is None:
        return min(MAX_FITTED, 2 * rows // 5)
    if n_samples > most:
        remedy = f"the table has {rows} rows, for the gradient, the fit and the test; give {most} at most"
        raise ArgumentError("n_samples", n_samples, remedy)
    return n_samples


def _announce(forms: dict[str, Any], network: dict[str, Any], networks: int, ridges: int) -> None:
    """Say on stderr what predictions and networks will take, if that is long; refuse what does not fit."""
    from polyspike.experiments.own_data import comparison_cost
    from polyspike.problem import Problem

    seconds, memory = 0.0, 0
    for inputs in forms.values():
        problem = Problem(input_dim=inputs.shape[1], step_size=0.0, **network)
        _check_memory(problem, len(inputs), ridges)
        cost = comparison_cost(problem, len(inputs), networks, ridges)
        seconds, memory = seconds + cost.seconds, max(memory, cost.bytes)
    if seconds >= WORTH_A_WORD:
        print(f"about {duration(seconds)} and {_size(memory)} of memory; Ctrl-C stops it", file=sys.stderr, flush=True)


def _size(count: int) -> str:
    if count <= 1e8:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.2g} GB" if count < 1e11 else f"{count / 1e9:.0f} GB"


def _check_memory(problem: Any, rows: int, ridges: int) -> None:
    """Refuse sizes that do not fit, with the largest that would."""
    from polyspike.experiments.own_data import comparison_bytes
    from polyspike.simulation.memory import available_bytes

    room = available_bytes()

    def needed(n: int, width: int) -> int:
        return comparison_bytes(problem.replace(n_samples=n, width=width), rows, ridges)

    n, width = problem.n_samples, problem.width
    if needed(n, width) <= room:
        return
    needs = f"needs about {_size(needed(n, width))} and {_size(room)} are available"
    narrower = _largest(width, lambda k: needed(n, k) <= room)
    if narrower:
        raise DoesNotFitError("--width", width, f"{needs}; {narrower} would fit")
    fewer = _largest(n, lambda k: needed(k, min(width, _width(k))) <= room)
    remedy = f"{fewer} with --width {min(width, _width(fewer))} would fit" if fewer else "give fewer columns (--ignore)"
    raise DoesNotFitError("--n-samples", n, f"{needs}; {remedy}")


def _largest(high: int, fits: Callable[[int], bool]) -> int:
    """The largest size below ``high`` that fits; 0 where not even 2 does."""
    low = 2
    if high <= low or not fits(low):
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _width(n: int) -> int:
    """The width of the command where none is given."""
    return max(60, n // 2)


def _values(shape: Any, found: Any) -> dict[str, Any]:
    names = ("test_error", "test_error_se", "error_estimate", "null_error")
    return {
        "shape": shape.to_dict(),
        "best_exponent": _exponent(found.best.problem),
        "best_ridge": found.grid.best_ridge,
        "step_sizes": list(found.grid.step_sizes),
        "ridges": list(found.grid.ridges),
        "test_error": found.grid.table().tolist(),
        "predicted": {name: getattr(found.best, name) for name in names},
        "predicted_without_a_step": {name: getattr(found.still, name) for name in names},
        "measured": list(found.best_measured),
        "measured_without_a_step": list(found.still_measured),
        "notes": list(found.best.notes),
    }


def _exponent(problem: Any) -> float | None:
    """Alpha; None without a step."""
    return problem.step_exponent if problem.step > 0 else None


def _print(form: str, shape: Any, found: Any) -> None:
    best, alpha = found.best, _exponent(found.best.problem)
    print(f"\ninputs {form}: effective dimension {shape.effective_dimension:.1f} of {shape.columns}")
    at = "no step is best" if alpha is None else f"best step n^{alpha:g} = {best.problem.step:.3g}"
    print(f"  {at}, ridge {found.grid.best_ridge:g}; the variance of the target is {best.null_error:.3f}")
    rows = [("no step", found.still, found.still_measured), ("best step", best, found.best_measured)]
    for name, predicted, measured in rows:
        bar = f"± {measured.standard_error:.3f}"
        print(f"  {name:10} test error {predicted.test_error:.3f} predicted, {measured.mean:.3f} {bar} measured")
    print(f"  over the {best.n_test} test rows either may be off by {best.test_error_se:.3f} (their standard error)")
    print(f"  the mean of many networks may be off the prediction by {best.error_estimate:.0%} (its own estimate)")
    for note in best.notes:
        print(f"  note: {note}")
