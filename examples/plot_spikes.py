r"""
Spikes leave the bulk
=====================

The eigenvalues of :math:`FF^\top/N` of one network, before the step and after three larger and larger ones, each with
its prediction: :func:`polyspike.plot.spectrum`. What stands beyond the bulk has been learned; the profile says what:
the squared cosine of each spike's singular vector with the Hermite functions of the learned direction.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps


def shifted_sine(x):
    """An activation with no vanishing Hermite coefficient, so that every degree can have a spike."""
    return np.sin(x + 0.6)


start = ps.Problem(shifted_sine, "3*h1", n_samples=1000, input_dim=250, width=500, step_size=0, ridge=0.01)
cases = [start, *(start.replace(step_exponent=alpha) for alpha in (0.15, 0.29, 0.354))]

figure, grid = plt.subplots(2, 2, sharex=True, figsize=(7, 4.5), layout="constrained")
for axes, case in zip(grid.flat, cases):
    run = ps.simulate(case, n_test=2, eigenvalues="all", alignment_degree=3)
    ps.plot.spectrum(run, theory=ps.predict(case), ax=axes, limits=(0.01, 300), legend=axes is grid[0, 0])
    axes.set_title(rf"$\eta = {case.step:.1f}$")
    for overlaps in run.alignment.overlaps:
        print(f"step {case.step:.1f}:", "  ".join(f"degree {k} {c:.2f}" for k, c in enumerate(overlaps, start=1)))
for axes in grid[0]:
    axes.set_xlabel("")
plt.show()
