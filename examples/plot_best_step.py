r"""
The best step against the noise
===============================

How large should the one step be? :func:`polyspike.best_step` finds the step with the smallest predicted test error. The
noisier the labels, the less of the gradient can be believed: the best step shrinks, and with it what a step is worth.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

noises = np.linspace(0, 2, 7)
base = ps.Problem("tanh", "h1", n_samples=1000, input_dim=500, width=700, ridge=0.05, step_exponent=0.0)

with ps.plot.style("light"):
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2))
    for factor, colour in ((1, "#0072B2"), (2, "#D55E00"), (4, "#009E73")):
        cases = [base.replace(noise=float(noise), n_gradient=factor * 1000) for noise in noises]
        best = [ps.best_step(case) for case in cases]
        before = [row.test_error for row in ps.predict([case.replace(step_size=0.0) for case in cases])]
        label = f"$n_0 = {factor}\\,n$" if factor > 1 else "$n_0 = n$"
        left.plot(noises, [found.problem.step for found in best], color=colour, label=label)
        gains = [1 - found.test_error / error for found, error in zip(best, before)]
        right.plot(noises, [100 * gain for gain in gains], color=colour)
    left.set(xlabel=r"noise $\sigma_\varepsilon$", ylabel=r"best step $\eta$", ylim=(0, None))
    right.set(xlabel=r"noise $\sigma_\varepsilon$", ylabel="test error saved (%)", ylim=(0, None))
    left.legend()
plt.show()
