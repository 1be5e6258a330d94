r"""
Even and odd activations
========================

The Hermite coefficients of the activation decide what a step can learn. An odd one (tanh) has no even spike, so that
the quadratic part of the teacher stays where it is. One with both (gelu: degree 1 and all even ones) learns it. An even
one (cos) has :math:`c_1 = 0`: the gradient has no rank-one part, there is no spike, and no linear part is ever learned.
What it learns of the quadratic part comes from weights that are stretched along the teacher, as in
:doc:`/gallery/plot_second_coordinate`; it takes as many samples for the gradient as here.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

TEACHERS = {"linear": "h1", "linear and quadratic": "h1 + 0.7*h2"}
ACTIVATIONS = ("tanh", "gelu", "cos")
curve, dots = np.linspace(0, 0.45, 13), np.linspace(0.05, 0.45, 3)


def at(teacher, alphas):
    """Networks of 300 neurons with each activation at many steps; the gradient has seen many samples."""
    sizes = {"n_samples": 600, "n_gradient": 6000, "input_dim": 150, "width": 300, "ridge": 0.05}
    return [
        ps.Problem(activation, teacher, **sizes, step_exponent=float(alpha))
        for activation in ACTIVATIONS
        for alpha in alphas
    ]


with ps.plot.style("light"):
    figure, grid = plt.subplots(1, 2, figsize=(7.4, 3.4))
    for axes, (title, teacher) in zip(grid, TEACHERS.items()):
        predictions = ps.predict(at(teacher, curve))
        networks = [ps.replicate(case, replicates=3, n_test=2000) for case in at(teacher, dots)]
        ps.plot.errors(predictions, measured=networks, hue="activation", ax=axes, legend=axes is grid[0])
        axes.axhline(predictions[0].null_error, color="#7A7A7A", linestyle="dotted")
        axes.set(title=f"{title} teacher", ylabel="")
    grid[0].set_ylabel("test error (dotted: of predicting zero)")
plt.show()

# %%
# Which degrees can have a spike, without any simulation:

for activation in ACTIVATIONS:
    print(f"{activation:5}", ps.activation_report(activation).spikes or "none")
