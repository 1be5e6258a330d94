"""One limit prediction beside the notebook's way: ``python benchmarks/prediction.py``.

The notebook iterates the two coupled traces with damping, takes the Marchenko-Pastur integrals by
``scipy.integrate.quad`` at every iteration, and differentiates the loss by finite differences for the test error.
"""

import math
import statistics
from time import perf_counter

from scipy.integrate import quad

from polyspike import Prediction, Problem, predict


def mean_over_marchenko_pastur(function, y: float) -> float:
    """``E f(x)`` over the spectrum of X X'/d with n/d = y <= 1."""
    low, high = (1 - math.sqrt(y)) ** 2, (1 + math.sqrt(y)) ** 2
    density = lambda x: math.sqrt(max((high - x) * (x - low), 0.0)) / (2 * math.pi * y * x)  # noqa: E731
    return quad(lambda x: function(x) * density(x), low, high, limit=200)[0]


def notebook_loss(problem: Problem, ridge: float) -> float:
    """Training loss over ridge at initialisation."""
    c1, cg = problem.activation.linear_strength, problem.activation.residual_strength
    r, y, gamma, k = problem.psi / problem.phi, 1 / problem.phi, ridge * problem.psi / problem.phi, 1.0
    while True:
        m1 = mean_over_marchenko_pastur(lambda x, k=k: 1 / (k * (c1 * x + cg) + gamma), y)
        m2 = mean_over_marchenko_pastur(lambda x, k=k: x / (k * (c1 * x + cg) + gamma), y)
        change = 1 / (1 + r * (c1 * m2 + cg * m1)) - k
        k += 0.5 * change
        if abs(change) < 1e-10:
            break
    linear = problem.teacher.coefficients(1)[1] ** 2
    return linear * r * m2 + (problem.label_second_moment - linear) * r * m1


def notebook_test_error(problem: Problem) -> float:
    """Test error by finite differences."""
    h = 1e-4 * problem.ridge
    slope = (notebook_loss(problem, problem.ridge + h) - notebook_loss(problem, problem.ridge - h)) / (2 * h)
    t1 = notebook_loss(problem.replace(teacher="h2", noise=0.0), problem.ridge) / 2
    return -slope / t1**2


def main() -> None:
    """Print the times of both, their ratio, and that they agree."""
    problem = Problem("tanh", "h1", n_samples=1000, input_dim=1500, width=2000, step_size=0.0, ridge=0.1)
    ours, theirs = [], []
    for _ in range(5):
        start = perf_counter()
        for _ in range(20):
            prediction = predict(problem, method="window", l=0)
        middle = perf_counter()
        notebook = notebook_test_error(problem)
        ours.append((middle - start) / 20)
        theirs.append(perf_counter() - middle)
    assert isinstance(prediction, Prediction)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    print(f"test error {prediction.test_error:.8f}, notebook {notebook:.8f}")
    print(
        f"predict {statistics.median(ours) * 1e3:.2f} ms, notebook {statistics.median(theirs) * 1e3:.0f} ms, "
        f"ratio {ratio:.0f}"
    )


if __name__ == "__main__":
    main()
