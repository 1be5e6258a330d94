"""
A predicted curve with simulated dots on it
===========================================

Four lines: a grid of steps, the prediction on it, some networks, and the figure. The theory has no free parameter; the
bars are standard errors over six networks of 300 neurons.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

problem = ps.Problem("relu", "h1 + 0.5*h2", n_samples=600, input_dim=150, width=300, step_exponent=0.0, ridge=0.01)


def at(exponents):
    """The same problem at other steps."""
    return [problem.replace(step_exponent=float(alpha)) for alpha in exponents]


curve, dots = np.linspace(0, 0.5, 41), np.linspace(0, 0.5, 6)
predicted = [prediction.test_error for prediction in ps.predict(at(curve))]
measured = [ps.replicate(case, replicates=6, n_test=4000).test_error for case in at(dots)]

plt.plot(curve, predicted, color="black", label="predicted")
plt.errorbar(dots, [e.mean for e in measured], [e.standard_error for e in measured], fmt="o", label="simulated")
plt.xlabel(r"step exponent $\alpha$   ($\eta = n^\alpha$)")
plt.ylabel("test error")
plt.legend()
plt.show()

# %%
# The limit of infinitely large networks has one value for all steps between :math:`\alpha = 0` and :math:`1/4`; a
# network of this size falls smoothly through it.

for case in at([0.05, 0.15, 0.24]):
    limit = ps.predict(case, method="window").test_error
    print(f"alpha = {case.step_exponent}: {ps.predict(case).test_error:.3f} at this size, {limit:.3f} in the limit")
