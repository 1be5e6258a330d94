"""The solution of the pencil: both lines of its equation, from any start, and a refusal where there is none."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem, Status, predict
from polyspike.theory.same_samples import fixed_point
from polyspike.theory.same_samples.fixed_point import solve_pencil, states
from polyspike.theory.same_samples.model import build
from polyspike.theory.same_samples.pencil import State
from polyspike.theory.same_samples.potential import gradient_of

BASE = Problem("softplus", "h1 + 0.5*h2", 900, 300, 720, step_exponent=0.4, readout="rademacher", samples="same")


@pytest.mark.parametrize("ridge", [1e-5, 0.1, 10.0])
def test_the_potential_is_stationary(ridge: float) -> None:
    fit, shift = build(BASE).fit, 1.25 * ridge
    found = solve_pencil(fit.neurons, fit.populations, shift)
    slope = gradient_of(fit.neurons, found.state, states(fit.neurons, fit.populations, found.state, shift))
    assert np.abs(slope).max() < 1e-8
    # The last step: what it leaves is of the order of its square.
    assert found.residual < 1e-7
    assert np.all((found.state.zeta > 0) & (found.state.zeta <= 1))


def test_a_solution_nearby_is_a_start() -> None:
    fit = build(BASE).fit
    first = solve_pencil(fit.neurons, fit.populations, 0.1)
    cold = solve_pencil(fit.neurons, fit.populations, 0.05)
    warm = solve_pencil(fit.neurons, fit.populations, 0.05, first.state)
    assert warm.state.zeta == pytest.approx(cold.state.zeta, rel=1e-9)
    assert warm.state.gamma == pytest.approx(cold.state.gamma, abs=1e-9)


def test_a_start_without_the_symmetry_of_mirror_images_is_no_other_solution() -> None:
    """Extrapolated from solutions at nearly one ridge, what rounding had lost of the symmetry grew fourfold a solution:
    after thirty, errors at the best ridge were off by 1e-5, and Newton's method saw nothing of it.
    """
    fit = build(BASE.replace(activation="relu", teacher="h1")).fit
    assert fit.neurons.mirror is not None
    cold = solve_pencil(fit.neurons, fit.populations, 0.1)
    lost = State(cold.state.gamma + 1e-3 * (1 - fit.neurons.mirror.coupled), cold.state.zeta * [1.001, 0.999])
    warm = solve_pencil(fit.neurons, fit.populations, 0.1, lost)
    assert warm.state.gamma == pytest.approx(cold.state.gamma, abs=1e-9)
    assert warm.state.zeta == pytest.approx(cold.state.zeta, rel=1e-9)


def test_no_solution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(BASE)
    monkeypatch.setattr(fixed_point, "_ITERATIONS", 1)
    with pytest.raises(NumericalError, match="not found after 1 iterations") as caught:
        solve_pencil(model.fit.neurons, model.fit.populations, 0.1)
    assert caught.value.status is Status.NOT_CONVERGED


def test_the_solution_is_that_with_positive_r() -> None:
    """Iterations extrapolated without a look at R end at another stationary point here, with a negative train error."""
    problem = BASE.replace(
        activation="sigmoid", n_samples=633, input_dim=208, width=1448, step_exponent=0.011308864443501376
    ).replace(ridge=0.00035900009839414244, noise=1.0, gradient="target", overlap=0.8)
    found = predict(problem)
    assert found.train_loss == pytest.approx(0.27195935, rel=1e-6)
    assert found.test_error == pytest.approx(2.7218619, rel=1e-6)
