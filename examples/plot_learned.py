r"""
What each spike has learned, by theory
======================================

Every spike that has left the bulk, the largest on top, with the squared cosine of its singular vector with each Hermite
function: :func:`polyspike.plot.learned`. Nothing is simulated. The second spike of gelu carries a square, so it holds a
constant part beside :math:`H_2`.
"""

import matplotlib.pyplot as plt

import polyspike as ps

problem = ps.Problem("gelu", "3*h1", n_samples=4000, input_dim=1000, width=2000, step_exponent=0.35)
ps.plot.learned(ps.predict(problem))
plt.show()
