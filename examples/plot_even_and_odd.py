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
from polyspike.plotting import house_style, plot_measured, plot_predicted

import polyspike as ps

TEACHERS = {"linear": "h1", "linear and quadratic": "h1 + 0.7*h2"}
COLOURS = {"tanh": "#0072B2", "gelu": "#D55E00", "cos": "#009E73"}
curve, dots = np.linspace(0, 0.45, 13), np.linspace(0.05, 0.45, 3)


def at(activation, teacher, alphas):
    """A network of 300 neurons at many steps; the gradient has seen many samples."""
    sizes = {"n_samples": 600, "n_gradient": 6000, "input_dim": 150, "width": 300, "ridge": 0.05}
    return [ps.Problem(activation, teacher, **sizes, step_exponent=float(alpha)) for alpha in alphas]


with house_style():
    figure, grid = plt.subplots(1, 2, figsize=(7.4, 3.4))
    for axes, (title, teacher) in zip(grid, TEACHERS.items()):
        for activation, colour in COLOURS.items():
            predicted = [row.test_error for row in ps.predict(at(activation, teacher, curve))]
            plot_predicted(axes, curve, predicted, activation, color=colour)
            measured = [ps.replicate(case, n=3, n_test=2000).test_error for case in at(activation, teacher, dots)]
            plot_measured(axes, dots, [e.mean for e in measured], [e.standard_error for e in measured], color=colour)
        axes.axhline(ps.predict(at("tanh", teacher, [0])[0]).null_error, color="#7A7A7A", linestyle="dotted")
        axes.set(title=f"{title} teacher", xlabel=r"step exponent $\alpha$")
    grid[0].set_ylabel("test error (dotted: of predicting zero)")
    grid[0].legend()
plt.show()

# %%
# Which degrees can have a spike, without any simulation:

for activation in COLOURS:
    print(f"{activation:5}", ps.activation_report(activation).spikes or "none")
