r"""
The same figure, light and dark
===============================

:func:`polyspike.plot.style` is the look of the figures of this project, for any figure drawn inside its block; for a
whole session it is ``plt.style.use("polyspike.plot.dark")``. The functions of :mod:`polyspike.plot` draw in the look
that is set, whatever it is, and choose colours that stand out on its ground.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

problem = ps.Problem("tanh", "h1", n_samples=400, input_dim=100, width=200, step_exponent=0)
steps = ps.predict([problem.replace(step_exponent=float(alpha)) for alpha in np.linspace(0, 0.5, 41)])

for theme in ("light", "dark"):
    with ps.plot.style(theme):
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
        ps.plot.errors(steps, limit=True, linear=True, ax=left)
        steps[24].spectrum.plot(ax=right)
plt.show()
