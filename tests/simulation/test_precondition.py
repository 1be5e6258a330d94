"""The preconditioned step: what it is by hand, its limits, every path of a simulation, and what becomes of the bias."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Measurement, NumericalError, Problem, replicate, simulate
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.simulation.cost import NOMINAL, phases_of
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_of, preconditioner
from polyspike.simulation.host import HOST
from polyspike.simulation.memory import Storage, estimate_bytes, estimate_streamed

Z = 4.5
PROBLEM = Problem(
    "relu",
    "h1 + 0.5*h2",
    300,
    30,
    60,
    n_gradient=400,
    step_exponent=0.3,
    ridge=0.05,
    inputs="power:0.7",
    precondition=0.3,
)


def numbers(found: Measurement) -> list[Any]:
    return [getattr(found, name) for name in (*SCALAR_FIELDS, "biased_cosine")]


@pytest.mark.parametrize("form", ["full", "target"])
def test_the_gradient_is_multiplied_by_the_inverse_of_its_own_covariance(form: str) -> None:
    problem = PROBLEM.replace(gradient=form)
    draw = GaussianDraw.of(problem, (3,), 10)
    found, plain = gradient_of(problem, draw), gradient_of(problem.replace(precondition=None), draw)
    x = draw.gradient_sample.inputs
    turn = np.linalg.inv((x.T @ x / 400 + 0.3 * np.eye(30)) / 1.3)
    np.testing.assert_allclose(found.matrix, plain.matrix @ turn, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.beta, turn @ plain.beta, rtol=1e-10)
    np.testing.assert_array_equal(found.initial_direction, plain.initial_direction)
    spike = found.linear_coefficient * np.outer(draw.readout("gaussian"), found.beta)
    share = 1 - np.sum((found.matrix - spike) ** 2) / np.sum(found.matrix**2)
    assert found.rank_one_fraction == pytest.approx(share, rel=1e-10)


def test_it_is_the_plain_step_for_white_samples_and_for_a_large_number() -> None:
    np.testing.assert_allclose(preconditioner(np.eye(4), 0.7, HOST), np.eye(4), atol=1e-15)
    plain = numbers(simulate(PROBLEM.replace(precondition=None), n_test=300))
    np.testing.assert_allclose(numbers(simulate(PROBLEM.replace(precondition=1e12), n_test=300)), plain, rtol=1e-9)
    assert abs(numbers(simulate(PROBLEM.replace(precondition=10.0), n_test=300))[0] / plain[0] - 1) > 1e-4


def test_at_zero_beta_is_least_squares() -> None:
    problem = PROBLEM.replace(precondition=0.0, gradient="target")
    draw = GaussianDraw.of(problem, (1,), 10)
    sample = draw.gradient_sample
    fitted = np.linalg.lstsq(sample.inputs, sample.labels(problem), rcond=None)[0]
    np.testing.assert_allclose(gradient_of(problem, draw).beta, fitted, rtol=1e-9)


@pytest.mark.parametrize("base", [PROBLEM, PROBLEM.replace(n_samples=40, width=300)], ids=["samples", "neurons"])
@pytest.mark.parametrize("device", ["cpu", "array_api_strict"])
def test_every_path_takes_it(base: Problem, device: str) -> None:
    problems = [base, base.replace(precondition=0.0, gradient="target"), base.replace(precondition=None)]
    held = simulate(problems, seed=(2, 7), n_test=500, streaming=False)
    streamed = simulate(problems, seed=(2, 7), n_test=500, streaming=True, device=device)
    for mine, other in zip(streamed, held, strict=True):
        np.testing.assert_allclose(numbers(mine), numbers(other), rtol=1e-9)
    assert len({found.test_error for found in held}) == 3


def test_blocks_are_summed() -> None:
    problem = PROBLEM.replace(n_gradient=4100)
    streamed, held = (numbers(simulate(problem, n_test=300, streaming=flag)) for flag in (True, False))
    np.testing.assert_allclose(streamed, held, rtol=1e-10)


def test_float32_is_near() -> None:
    single, double = (numbers(simulate(PROBLEM, n_test=300, dtype=dtype)) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(single, double, rtol=1e-4)


def test_it_takes_the_bias_off_the_learned_direction() -> None:
    """The cosine with beta* rises, that with ``Sigma beta*`` falls; the sign of either difference is the claim."""
    pairs = [
        replicate(PROBLEM.replace(n_gradient=3000, inputs="power:0.7", precondition=rho), replicates=8, n_test=100)
        for rho in (0.1, None)
    ]
    for name, sign in (("cosine", 1), ("biased_cosine", -1)):
        mine, plain = ([getattr(m, name) for m in found.measurements] for found in pairs)
        difference = sign * (np.array(mine) - plain)
        assert np.mean(difference) > Z * np.std(difference, ddof=1) / np.sqrt(8)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"precondition": -1.0}, "give a number >= 0"),
        ({"precondition": float("nan")}, "give a finite number"),
        ({"precondition": "0.1"}, "give a finite number"),
        ({"precondition": 0, "n_gradient": 30}, "give a number > 0: 30 samples of the gradient in 30 dimensions"),
        ({"precondition": 0, "inputs": "two-level:1,0,0.5"}, "give a number > 0: some inputs do not vary"),
    ],
)
def test_what_cannot_be_inverted_is_refused(changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        PROBLEM.replace(**changes)
    assert caught.value.argument == "precondition"
    assert remedy in str(caught.value)


def test_so_is_a_sample_that_turns_out_singular() -> None:

    flat = np.diag([1.0, 1.0, 0.0])
    with pytest.raises(NumericalError, match=r"precondition = 0: .*give a larger number"):
        preconditioner(flat, 0.0, HOST)
    np.testing.assert_allclose(preconditioner(flat, 1.0, HOST), np.diag([1.0, 1.0, 2.0]))


def test_it_is_written_down_where_it_is_there() -> None:
    assert PROBLEM.to_dict()["precondition"] == 0.3
    assert Problem.from_dict(PROBLEM.to_dict()) == PROBLEM
    assert "precondition" not in PROBLEM.replace(precondition=None).to_dict()
    assert repr(PROBLEM).endswith("inputs='power:0.7', precondition=0.3)")


def test_its_memory_and_its_time_are_counted() -> None:
    plain = PROBLEM.replace(precondition=None)
    for estimate in (estimate_bytes, estimate_streamed):
        assert estimate(PROBLEM) >= estimate(plain) + 4 * 8 * 30**2
    for storage in Storage:
        mine, other = (sum(phases_of(p, storage, 100).seconds(NOMINAL)) for p in (PROBLEM, plain))
        assert mine > other
