r"""
Initial features plus an explicit spike
=======================================

After a step in the first window the features are the initial ones plus one rank-one spike, up to a remainder whose
operator norm over :math:`\sqrt n` falls as n grows. :func:`polyspike.equivalence` builds both from the same draw, and
reports the rate at which they, and the errors of ridge regression on them, meet.
"""

import matplotlib.pyplot as plt

import polyspike as ps

problem = ps.Problem("tanh", "h1", n_samples=250, input_dim=125, width=250, step_exponent=0.15, ridge=0.01)
found = ps.equivalence(problem, sizes=(250, 500, 1000), replicates=8, n_test=2000)
for name, rate in found.rates.items():
    print(f"{name}: n^({rate.mean:.2f} ± {rate.standard_error:.2f})")

figure, axes = plt.subplots()
axes.set(xscale="log", yscale="log", ylabel=r"$\Vert F - F_1 \Vert / \sqrt{n}$")
ps.plot.errors(measured=found.points, x="n_samples", y="distance", dot_kwargs={"linestyle": "-"}, ax=axes)
plt.show()
