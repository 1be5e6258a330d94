r"""
A sweep, one colour a size
==========================

Networks of three sizes in proportion at six steps, four seeds each, with the theory of each size:
:func:`polyspike.sweep` and :func:`polyspike.plot.sweep`. Give the sweep a file and it goes on where it was stopped.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

base = ps.Problem("relu", "h1 + 0.5*h2", step_exponent=0)
sizes = [{"n_samples": n, "input_dim": n // 4, "width": n // 2} for n in (200, 400, 800)]


def grid(exponents):
    """Every size at every step."""
    return [base.replace(**size, step_exponent=float(alpha)) for size in sizes for alpha in exponents]


found = ps.sweep(grid(np.linspace(0, 0.5, 6)), replicates=4, workers=1, n_test=4000)
ps.plot.sweep(found, hue="n_samples", theory=ps.predict(grid(np.linspace(0, 0.5, 26))))
plt.show()
