"""What is compared of two problems, and how: numbers by name, or the status of a failure that both must share."""

from collections.abc import Callable
from typing import Any

import numpy as np

from metamorphic.transformations import Scales
from polyspike import NumericalError, Optimum, Problem, Slopes, Spectrum, Status, derivatives, predict
from polyspike.arraytypes import Array

__all__ = ["Numbers", "answer", "assert_same", "of_derivatives", "of_optimum", "of_prediction", "of_spectrum"]

Numbers = dict[str, Array]

# A train error this much smaller than the loss is what rounding leaves of the loss.
_ROUNDING = 1e-4


def answer(compute: Callable[[Problem], Numbers], problem: Problem) -> Numbers | Status:
    """The numbers of a problem, or why there are none."""
    try:
        return compute(problem)
    except NumericalError as error:
        return error.status


def assert_same(found: Numbers | Status, expected: Numbers | Status, accuracy: float) -> None:
    """Both failed alike, or every number is the same to an accuracy relative to the largest of its name."""
    if isinstance(found, Status) or isinstance(expected, Status):
        assert found == expected
        return
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape, name
        scale = np.abs(value).max(initial=0.0)
        np.testing.assert_allclose(found[name], value, rtol=0, atol=accuracy * scale + 1e-13, err_msg=name)


def of_prediction(problem: Problem, scales: Scales = Scales()) -> Numbers:  # noqa: B008
    """Errors, each by itself, and what the step has learned, in the units that ``scales`` give."""
    found = predict(problem)
    errors = _errors(found) / scales.errors
    errors[1] = max(errors[1], _ROUNDING * errors[0])
    assert found.error_estimate is not None
    return {
        **{name: errors[k : k + 1] for k, name in enumerate(("train loss", "train error", "test error"))},
        "of no model and of a line": np.array([found.null_error, found.linear_error]) / scales.errors,
        "directions": _directions(found, scales),
        "strength": np.array([found.spike_strength]),
        "trust": np.array([found.error_estimate, float(found.trusted)]),
    }


def _directions(found: Any, scales: Scales) -> Array:
    """The cosines with the teacher's direction, which labels without a linear part do not turn: theirs up to a sign."""
    cosines = np.array([found.cosine, scales.spike * found.spike_cosine, 1.0])
    return cosines if np.any(found.problem.teacher.linear_coefficients) else np.abs(cosines)


def _errors(found: Any) -> Array:
    return np.array([found.train_loss, found.train_error, found.test_error])


def of_derivatives(problem: Problem, scales: Scales = Scales()) -> Numbers:  # noqa: B008
    """Derivatives by ridge and step, and the errors themselves over ridge and step as their scale."""
    found = derivatives(problem)
    errors = _errors(found.prediction) / scales.errors
    ridge, step = problem.ridge / scales.ridge, problem.step / scales.step
    return {
        "by ridge": np.append(_slopes(found.by_ridge) * scales.ridge / scales.errors, errors / ridge),
        "by step": np.append(_slopes(found.by_step) * scales.step / scales.errors, errors / max(step, 1.0)),
    }


def _slopes(found: Slopes) -> Array:
    return np.array([found.train_loss, found.train_error, found.test_error])


def of_optimum(found: Optimum, scales: Scales = Scales()) -> Numbers:  # noqa: B008
    """The least test error, and at which ends it lies; the place itself is as flat as the minimum."""
    ends = [("lower", None, "upper").index(end) - 1.0 for end in (found.step_end, found.ridge_end)]
    return {"least": np.array([found.prediction.test_error / scales.errors]), "ends": np.array(ends)}


def of_spectrum(found: Spectrum, scales: Scales = Scales()) -> Numbers:  # noqa: B008
    """Edges, outliers and the density times x inside, x relative to the largest edge."""
    edges = np.ravel(found.edges)
    points = np.linspace(edges[0], edges[-1], 11)[1:-1]
    return {
        "edges": edges / scales.eigenvalues,
        "atom": np.array([found.atom]),
        "outliers": np.array([spike.location for spike in found.spikes]) / scales.eigenvalues,
        "overlaps": np.array([[*spike.overlaps, 1.0] for spike in found.spikes]),
        "density": points * found.density(points),
        "inside": np.array([float(k) for k in found.inside]),
    }
