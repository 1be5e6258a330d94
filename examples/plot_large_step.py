r"""
Why a large step can hurt
=========================

A step moves every neuron along the learned direction, and it adds the gradient's noise. For a linear teacher nothing is
gained once the first spike is there, while the noise goes on growing with the step: the error has a minimum, and far
beyond it the step does more harm than good. More samples for the gradient mean less noise: the minimum is lower, and
the rise comes later.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

start = ps.Problem("tanh", "h1", n_samples=600, input_dim=300, width=400, step_size=0.0, ridge=0.01)
steps, seen = np.geomspace(0.3, 60, 40), np.array([1.0, 5.0, 25.0, 50.0])


def at(n_gradient, steps):
    """The network after steps whose gradient has seen so many samples."""
    return [start.replace(n_gradient=n_gradient, step_size=float(eta)) for eta in steps]


curves = {n_gradient: ps.predict(at(n_gradient, steps)) for n_gradient in (600, 2400, 9600)}
networks = [ps.replicate(case, replicates=4, n_test=2000) for n in curves for case in at(n, seen)]
with ps.plot.style("light"):
    figure, axes = plt.subplots(figsize=(6, 3.6))
    axes.axhline(ps.predict(start).test_error, color="#7A7A7A", linestyle="dotted", label="untrained")
    ps.plot.errors(list(curves.values()), measured=networks, x="step_size", hue="n_gradient", ax=axes)
plt.show()

# %%
# The step with the smallest predicted error:

for n_gradient, curve in curves.items():
    best = min(curve, key=lambda row: row.test_error)
    print(f"n_0 = {n_gradient}: best step {best.problem.step:.1f}, test error {best.test_error:.3f}")
