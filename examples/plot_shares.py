r"""
Degree after degree is learned
==============================

How much of each Hermite function of the learned direction the top singular vectors hold, as the step grows: simulated
means with standard errors, and the prediction as lines: :func:`polyspike.plot.shares`.
As many vectors are looked at as the window of the step has spikes, so the lines jump at its edges.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

problem = ps.Problem("gelu", "3*h1", n_samples=800, input_dim=200, width=400, step_exponent=0)
steps = [problem.replace(step_exponent=float(alpha)) for alpha in np.linspace(0, 0.36, 19)]
runs = [ps.replicate(step, replicates=4, n_test=2, alignment_degree=2) for step in steps[::3]]
ps.plot.shares(runs, theory=ps.predict(steps))
plt.show()
