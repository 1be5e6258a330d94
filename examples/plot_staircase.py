r"""
The staircase at three sizes
============================

In the limit of infinitely large networks the test error is a staircase in the step exponent: each stair is one more
polynomial degree that the step has learned. Networks of a real size fall smoothly, and the larger they are the more of
the stairs is to be seen. Dots are simulated at the smallest size; the theory needs no simulation at the others.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps


def shifted_sine(x):
    """An activation with no vanishing Hermite coefficient, so that every degree can have a spike."""
    return np.sin(x + 0.6)


def at(n, alphas):
    """Networks of n samples with n/4 inputs, n/2 neurons and the steps n^alpha."""
    sizes = {"n_samples": n, "input_dim": n // 4, "width": n // 2, "ridge": 0.01}
    return [ps.Problem(shifted_sine, [0, 1, 0.6, 0.2], **sizes, step_exponent=float(alpha)) for alpha in alphas]


exponents = np.linspace(0, 0.42, 29)
predictions = [ps.predict(at(n, exponents)) for n in (500, 10**5, 10**9)]
networks = [ps.replicate(case, replicates=16, n_test=2000) for case in at(500, np.linspace(0.05, 0.4, 4))]
limit = ps.predict(at(10**9, [0.1, 0.3, 0.35, 0.39]), method="window")  # one step in each window

with ps.plot.style("light"):
    figure, axes = plt.subplots(figsize=(6, 3.6))
    ps.plot.errors(predictions, measured=networks, hue="n_samples", limit=limit, ax=axes)
plt.show()
