"""The statement of the theory on data: the mean over networks at fixed rows, on Gaussian rows and on digits.

A mean over networks may differ by z standard errors and by what the theory leaves out. That is ``1/d + 2/N`` of the
value without a step and with a small one; with a step eta it leaves out that a neuron's move is no Gaussian variable,
which was measured to cost up to ``0.03 eta/sqrt N`` of the value at a normal readout, and up to ``0.3 eta^2/N`` on
digits for a readout of equal sizes (docs/theory-data.md).
"""

from functools import cache
from typing import Any

import numpy as np
import pytest

from networks_on_rows import networks
from polyspike import Problem, predict_data
from polyspike.arraytypes import Array
from polyspike.data import load, rescale

Z = 4.0
"""Of 3 x 36 comparisons a correct theory fails one by its error bars with a chance of 0.7 %."""


@cache
def rows(name: str) -> tuple[Array, Array]:
    """Gaussian rows with a target of degree 2, or digits with their value."""
    if name == "digits":
        digits = load("digits", "value")
        return rescale(digits.inputs), digits.target
    rng = np.random.default_rng(3)
    x = rng.standard_normal((900, 40))
    y = x[:, 0] + 0.5 * (x[:, 1] ** 2 - 1) + 0.3 * rng.standard_normal(900)
    return x, y / y.std()


def left_out(problem: Problem) -> float:
    """What the theory may be off by, relative."""
    size = problem.step / np.sqrt(problem.width)
    law = 0.03 * size if problem.readout == "gaussian" else 0.3 * size**2
    return 1 / problem.input_dim + 2 / problem.width + law


def check(data: str, activation: str, gradient: str, readout: str, exponent: float, draws: int) -> None:
    x, y = rows(data)
    step: dict[str, Any] = {"step_size": 0.0} if exponent == -np.inf else {"step_exponent": exponent}
    network: dict[str, Any] = {"activation": activation, "gradient": gradient, "readout": readout, "width": 240}
    found = predict_data(x, y, n_samples=300, n_gradient=300, **network, **step)
    problem = found.problem
    measured = networks(problem, x, y, draws)
    predicted = np.array([found.train_loss, found.train_error, found.test_error])
    allowed = Z * measured.standard_error + left_out(problem) * measured.mean
    print(problem, predicted / measured.mean - 1, measured.standard_error / measured.mean)
    assert np.all(np.abs(predicted - measured.mean) <= allowed)


@pytest.mark.parametrize(
    ("data", "activation", "gradient", "readout", "exponent"),
    [
        ("gaussian", "tanh", "target", "gaussian", 0.45),
        ("gaussian", "relu", "full", "rademacher", 0.3),
        ("digits", "relu", "target", "rademacher", 0.3),
        ("digits", "tanh", "full", "rademacher", 0.15),
        ("digits", "relu", "full", "constant", 0.1),
        ("digits", "tanh", "target", "rademacher", -np.inf),
    ],
)
def test_the_mean_over_networks(data: str, activation: str, gradient: str, readout: str, exponent: float) -> None:
    check(data, activation, gradient, readout, exponent, 24)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["gaussian", "digits"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("gradient", ["target", "full"])
@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
@pytest.mark.parametrize("exponent", [-np.inf, 0.3, 0.45])
def test_everywhere(data: str, activation: str, gradient: str, readout: str, exponent: float) -> None:
    check(data, activation, gradient, readout, exponent, 48)
