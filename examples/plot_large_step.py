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
from polyspike.plotting import house_style, plot_measured, plot_predicted

import polyspike as ps

start = ps.Problem("tanh", "h1", n_samples=600, input_dim=300, width=400, step_size=0.0)
steps, seen = np.geomspace(0.3, 60, 40), np.array([1.0, 5.0, 25.0, 50.0])

with house_style():
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for n_gradient, colour in ((600, "#0072B2"), (2400, "#D55E00"), (9600, "#009E73")):
        case = start.replace(n_gradient=n_gradient)
        curve = ps.predict([case.replace(step_size=float(eta)) for eta in steps])
        plot_predicted(axes, steps, [row.test_error for row in curve], f"$n_0 = {n_gradient}$", color=colour)
        dots = [ps.replicate(case.replace(step_size=eta), n=4, n_test=2000).test_error for eta in seen]
        plot_measured(axes, seen, [d.mean for d in dots], [d.standard_error for d in dots], color=colour)
        best = curve[int(np.argmin([row.test_error for row in curve]))]
        print(f"n_0 = {n_gradient}: best step {best.problem.step:.1f}, test error {best.test_error:.3f}")
    untrained = ps.predict(start).test_error
    axes.axhline(untrained, color="#7A7A7A", linestyle="dotted", label="untrained")
    axes.set(xscale="log", xlabel=r"step size $\eta$", ylabel="test error")
    axes.legend()
plt.show()
