r"""
Where a step helps
==================

The predicted test error over step and ridge, the best step of every ridge as a dot, the best of all as a star; lines
separate regions with different numbers of spikes outside the bulk: :func:`polyspike.phase_map` and
:func:`polyspike.plot.phase`. Nothing is simulated.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

problem = ps.Problem("relu", "h1 + 0.7*h2", n_samples=800, input_dim=200, width=400, step_exponent=0)
found = ps.phase_map(problem, np.linspace(0, 0.5, 16), np.geomspace(1e-3, 10, 11))
ps.plot.phase(found)
plt.show()
