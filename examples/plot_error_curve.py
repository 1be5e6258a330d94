"""
Your own activation: a curve with simulated dots, in eight lines
================================================================

An activation of your own, the theory on a grid of steps, some networks, and the figure by
:func:`polyspike.plot.errors`. The theory has no free parameter; the bars are standard errors over six networks of 300
neurons; the dashed line is the limit of infinite size, one level for each window of steps.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

problem = ps.Problem(lambda x: np.sin(x + 0.6), "h1 + 0.5*h2", n_samples=600, input_dim=150, width=300, step_exponent=0)
curve = [problem.replace(step_exponent=float(alpha)) for alpha in np.linspace(0, 0.5, 41)]
networks = [ps.replicate(case, replicates=6, n_test=4000) for case in curve[::8]]
with ps.plot.style("light"):
    ps.plot.errors(ps.predict(curve), measured=networks, limit=True)
plt.show()

# %%
# The limit has one value for all steps between :math:`\alpha = 0` and :math:`1/4`; a network of this size falls
# smoothly through it.

for case in curve[4:20:5]:
    limit = ps.predict(case).limit().test_error
    print(f"alpha = {case.step_exponent:.2f}: {ps.predict(case).test_error:.3f} at this size, {limit:.3f} in the limit")
