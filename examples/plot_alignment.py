r"""
What each singular vector has learned
=====================================

The squared cosine of the top left singular vectors of a network's features with the Hermite functions of the learned
direction, means over six networks with their standard errors, and the prediction as black ticks:
:func:`polyspike.plot.alignment`.
"""

import matplotlib.pyplot as plt

import polyspike as ps

problem = ps.Problem("gelu", "3*h1", n_samples=800, input_dim=200, width=400, step_exponent=0.3)
runs = ps.replicate(problem, replicates=6, n_test=2, alignment_degree=4)
ps.plot.alignment(runs, theory=ps.predict(problem))
plt.show()
