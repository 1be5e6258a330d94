"""``predict_data``: what networks do on a user's own rows, averaged over the network alone."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.data_predictions import DataGrid, DataPrediction
from polyspike.errors import ArgumentError
from polyspike.problem import Activation, Problem
from polyspike.rows import as_rows, check_counts, split
from polyspike.scalars import as_integer, as_list, as_real, as_seed
from polyspike.spectra import Spectrum
from polyspike.theory.on_data.cost import check_memory
from polyspike.theory.on_data.curve import PointErrors, step_curve
from polyspike.theory.on_data.predict_spectrum import predict_data_spectrum
from polyspike.theory.on_data.readouts import has_features
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, CurveAccuracy, Network, Sample
from polyspike.theory.on_data.trust import About, about, error_estimate, notes

__all__ = ["check_ridge", "predict_data", "predict_data_grid"]

LEAST_ROWS = 10
_MOST_DEFAULT_ROWS = 2000
_SIZES, _TARGETS = (1e-4, 100.0), (1e-50, 1e50)
"""Root mean squares: beyond the first averages over pre-activations take minutes, of targets products overflow."""

_RIDGES, _LONGEST_STEP = (1e-50, 1e50), 1e15


def predict_data(
    inputs: Any,
    target: Any,
    *,
    activation: str | Activation | Callable[..., Any] = "gelu",
    width: int = 1000,
    n_samples: int | None = None,
    n_gradient: int | None = None,
    step_exponent: float | None = None,
    step_size: float | None = None,
    ridge: float = 0.1,
    gradient: str = "full",
    readout: str = "gaussian",
    seed: int | Sequence[int] = 0,
    accuracy: CurveAccuracy = DEFAULT_ACCURACY,
) -> DataPrediction:
    """The errors that networks make on these rows, averaged over initial networks; nothing is fitted to the data.

    The rows are split as :func:`polyspike.simulate_data` splits them with the same seed, so that
    ``simulate_data(prediction.problem, inputs, target, seed=seed)`` is a network of which this is the mean.

    Parameters
    ----------
    inputs : ndarray of shape (rows, d)
        As they are to be fed to the network. A neuron's weight has length one, so that of inputs of ``|x|^2 = d`` on
        average, whitened or not, the activation sees numbers of order one. ``polyspike.data.whiten`` and ``rescale``
        also subtract the means: of inputs that are not centred predictions after a step are worse, as ``notes`` say.
    target : ndarray of shape (rows,)
        Regression target, of mean zero: without that what networks learn of the mean is known only roughly where there
        are few columns, as ``notes`` say.
    activation, width, gradient, readout
        As in :class:`polyspike.Problem`.
    n_samples, n_gradient : int, optional
        Rows of the ridge fit and of the gradient; two fifths of all rows each, 2000 at most, when None. The rest is the
        test set.
    step_exponent, step_size : float
        One of them; ``n_samples ** step_exponent`` is the step size.
    ridge : float
        > 0.
    seed : int or sequence of int
        Of the split.
    accuracy : CurveAccuracy, optional
        How finely averages are taken.

    Returns
    -------
    DataPrediction

    Raises
    ------
    ArgumentError
        Before any work: shapes, values that are not finite, a constant target or constant inputs, too few rows, sizes,
        inputs whose mean square is far from 1, a ridge of 0, more memory than there is.
    NumericalError
        A fixed point that does not converge; ``OUT_OF_RANGE`` for pre-activations so large that the activation
        overflows or that averages over them take too long.

    Notes
    -----
    docs/theory-data.md derives it. Over the network all is averaged; a single network fluctuates about it. The one
    assumption on a neuron is that its pre-activations are jointly normal given its readout u. Without a step that is
    exact up to ``1/d`` (several times that where the weights' lengths cannot be accounted for, as ``notes`` say); with
    one, the move of a neuron is a nonlinear function of few strong directions of the inputs,
    and the deviation grows with the step: a few percent at ``alpha = 0.45`` for a normal readout. For a constant one or
    one of signs what the move does along four strong axes of the inputs is accounted for, at 50 times the kernels; up
    to a fifth is left where four axes have more than 0.6 of the variance, and several percent with the full gradient.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.standard_normal((200, 20))
    >>> target = inputs[:, 0] + 0.1 * rng.standard_normal(200)
    >>> found = predict_data(inputs, target, activation="tanh", width=60, step_exponent=0.4, gradient="target")
    >>> found.n_test, found.test_error < found.null_error
    (40, True)
    >>> found.spectrum.spikes[0].location > found.spectrum.edges[-1][1]
    True
    """
    start = Problem(step_exponent=step_exponent, step_size=step_size, n_samples=n_samples or LEAST_ROWS)
    values, wanted = as_rows(inputs, target)
    problem = _problem(values, activation, width, n_samples, n_gradient, ridge, gradient, readout)
    steps = {"step_exponent": start.step_exponent, "step_size": start.step_size}
    found = _grid([[problem.replace(**steps)]], values, wanted, as_seed(seed), accuracy, None)
    return found[0][0]


def predict_data_grid(
    inputs: Any,
    target: Any,
    *,
    step_exponents: Iterable[float] | None = None,
    step_sizes: Iterable[float] | None = None,
    ridges: Iterable[float] = (0.1,),
    activation: str | Activation | Callable[..., Any] = "gelu",
    width: int = 1000,
    n_samples: int | None = None,
    n_gradient: int | None = None,
    gradient: str = "full",
    readout: str = "gaussian",
    seed: int | Sequence[int] = 0,
    accuracy: CurveAccuracy = DEFAULT_ACCURACY,
    progress: Callable[[float], object] | None = None,
) -> DataGrid:
    """:func:`predict_data` at all steps and ridges; the gradient is worked out once, the kernels once a step.

    Parameters
    ----------
    step_exponents, step_sizes : iterable of float
        One of them; an exponent of minus infinity is no step.
    ridges : iterable of float
        Each > 0.
    progress : callable, optional
        Called with the share of the work that is done.
    inputs, target, activation, width, n_samples, n_gradient, gradient, readout, seed, accuracy
        As in :func:`predict_data`.

    Returns
    -------
    DataGrid

    Raises
    ------
    ArgumentError, NumericalError
        As :func:`predict_data`; also without any step or ridge.
    """
    values, wanted = as_rows(inputs, target)
    problem = _problem(values, activation, width, n_samples, n_gradient, 0.1, gradient, readout)
    steps = _steps(problem, step_exponents, step_sizes)
    some = [as_real("ridges", ridge, 0) for ridge in _listed("ridges", ridges)]
    if not some:
        raise ArgumentError("ridges", some, "give one at least")
    began = monotonic()
    problems = [[step.replace(ridge=ridge) for ridge in some] for step in steps]
    found = _grid(problems, values, wanted, as_seed(seed), accuracy, progress)
    sizes = tuple(step.step for step in steps)
    return DataGrid(sizes, tuple(some), tuple(map(tuple, found)), monotonic() - began)


def _problem(
    inputs: Array,
    activation: str | Activation | Callable[..., Any],
    width: int,
    n_samples: int | None,
    n_gradient: int | None,
    ridge: float,
    gradient: str,
    readout: str,
) -> Problem:
    rows, columns = inputs.shape
    if rows < LEAST_ROWS or columns < 2:
        raise ArgumentError("inputs", inputs.shape, f"give at least {LEAST_ROWS} rows and 2 columns")
    default = min(_MOST_DEFAULT_ROWS, 2 * rows // 5)
    return Problem(
        activation,
        "h1",
        default if n_samples is None else n_samples,
        columns,
        width,
        step_size=0.0,
        ridge=ridge,
        gradient=gradient,
        readout=readout,
        n_gradient=n_gradient,
    )


def _listed(argument: str, values: Any) -> list[Any]:
    return as_list(argument, values, f"give a list, [{values}]")


def _steps(problem: Problem, exponents: Iterable[float] | None, sizes: Iterable[float] | None) -> list[Problem]:
    if (exponents is None) == (sizes is None):
        raise ArgumentError("step_exponents, step_sizes", (exponents, sizes), "give one of the two")
    if sizes is not None:
        steps = [problem.replace(step_size=size) for size in _listed("step_sizes", sizes)]
    else:
        steps = [_with_exponent(problem, alpha) for alpha in _listed("step_exponents", exponents)]
    if not steps:
        raise ArgumentError("step_exponents, step_sizes", (exponents, sizes), "give one step at least")
    return steps


def _with_exponent(problem: Problem, alpha: float) -> Problem:
    return problem if alpha == -np.inf else problem.replace(step_exponent=alpha)


def _grid(
    problems: Sequence[Sequence[Problem]],
    inputs: Array,
    target: Array,
    seed: tuple[int, ...],
    accuracy: CurveAccuracy,
    progress: Callable[[float], object] | None,
) -> list[list[DataPrediction]]:
    """Predictions of problems that differ in step and ridge, one row a step."""
    first = problems[0][0]
    parts = _parts(first, inputs, target, seed)
    _check(problems, accuracy)
    check_memory(first, len(parts[2].target), accuracy, len(problems), len(problems[0]))
    network = Network(first.activation, first.width, first.gradient, first.readout)
    if not has_features(network.activation, parts[1].inputs):
        raise ArgumentError("activation", network.activation.label, "it vanishes on these inputs; give another")
    steps, ridges = [row[0].step for row in problems], [problem.ridge for problem in problems[0]]
    found = step_curve(network, parts, steps, ridges, accuracy, progress)
    known = about(network, parts)
    return [
        [
            _prediction(p, f, seed, known, partial(predict_data_spectrum, network, parts, p.step, accuracy, f.normal))
            for p, f in zip(row, errors, strict=True)
        ]
        for row, errors in zip(problems, found, strict=True)
    ]


def _parts(problem: Problem, inputs: Array, target: Array, seed: tuple[int, ...]) -> tuple[Sample, Sample, Sample]:
    check_counts(inputs, problem.n_samples, problem.gradient_samples, problem.input_dim)
    if np.ptp(target) <= 8 * np.finfo(float).eps * np.max(np.abs(target)):
        raise ArgumentError("target", float(target[0]), "it is constant; choose another column")
    if not np.any(inputs):
        raise ArgumentError("inputs", inputs.shape, "all are zero; give inputs that vary")
    _check_sizes(inputs, target)
    if np.all(inputs == inputs[0]):
        raise ArgumentError("inputs", inputs.shape, "all rows are the same; give inputs that vary")
    parts = split(seed, len(inputs), problem.gradient_samples, problem.n_samples)
    gradient, fit, test = (Sample(inputs[rows], target[rows]) for rows in parts)
    if np.all(fit.target == fit.target[0]):
        remedy = f"it is constant on the {len(fit.target)} rows of the fit; give more rows, or another seed"
        raise ArgumentError("target", float(fit.target[0]), remedy)
    return gradient, fit, test


def _check_sizes(inputs: Array, target: Array) -> None:
    """Refuse inputs and targets whose size is not that of numbers of order one, by far."""
    for name, values, (least, most), remedy in (
        ("inputs", inputs, _SIZES, "polyspike.data.rescale or whiten gives inputs of mean square one"),
        ("target", target, _TARGETS, "divide it by its standard deviation"),
    ):
        largest = float(np.max(np.abs(values)))
        size = largest * float(np.sqrt(np.mean((values / largest) ** 2)))
        if not least <= size <= most:
            raise ArgumentError(name, size, f"is the root of their mean square, not in {least:g} to {most:g}; {remedy}")


def check_ridge(ridge: float) -> None:
    """Refuse a ridge that the theory on data cannot take.

    Raises
    ------
    ArgumentError
    """
    if not _RIDGES[0] <= ridge <= _RIDGES[1]:
        remedy = f"the theory on data needs a ridge > 0, such as 1e-6, from {_RIDGES[0]:g} to {_RIDGES[1]:g}"
        raise ArgumentError("ridge", ridge, remedy)


def _check(problems: Sequence[Sequence[Problem]], accuracy: CurveAccuracy) -> None:
    for problem in problems[0]:
        check_ridge(problem.ridge)
    for row in problems:
        if row[0].step > _LONGEST_STEP:
            raise ArgumentError("step_size", row[0].step, f"give a step up to {_LONGEST_STEP:g}")
    for name in ("nodes", "outputs", "rows_at_once"):
        as_integer(f"accuracy.{name}", getattr(accuracy, name), 1)
    if not isinstance(accuracy.exact, bool):
        raise ArgumentError("accuracy.exact", accuracy.exact, "give True or False")


def _prediction(
    problem: Problem, found: PointErrors, seed: tuple[int, ...], about: About, spectrum: Callable[[], Spectrum]
) -> DataPrediction:
    squares = found.test_squares
    return DataPrediction(
        problem=problem,
        seed=seed,
        train_loss=found.train_loss,
        train_error=found.train_error,
        test_error=float(np.mean(squares)),
        test_error_se=float(np.std(squares) / np.sqrt(len(squares))),
        n_test=len(squares),
        null_error=about.null_error,
        kernel_error=found.cut,
        error_estimate=error_estimate(problem, found, about),
        notes=notes(problem, found, about),
        spectrum_source=spectrum,
    )
