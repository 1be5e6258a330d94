"""
A teacher without a linear part
===============================

The teacher is :math:`H_2`, so the gradient's rank-one part is noise: no spike of the step knows the teacher. Its
quadratic part does. It stretches every neuron's weight along the teacher by a factor of its own, the more the more
samples the gradient has seen, and the features learn :math:`H_2` of that second coordinate. An activation with
:math:`c_2 = 0` learns nothing. Dotted predictions are not trusted: with few samples for the gradient the teacher's
direction does not stand out, other features of the same neurons compete, and the networks gain less than predicted.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

problem = ps.Problem("relu", "h2", n_samples=600, input_dim=120, width=360, ridge=0.1, step_size=0.0, gradient="target")
cases = {
    "relu, $n_0 = d$": problem.replace(n_gradient=120),
    "relu, $n_0 = 5d$": problem.replace(n_gradient=600),
    "relu, $n_0 = 50d$": problem.replace(n_gradient=6000),
    "tanh, $n_0 = 50d$": problem.replace(activation="tanh", n_gradient=6000),
}


def steps(case, sizes):
    """The same problem at other step sizes."""
    return [case.replace(step_size=float(eta)) for eta in sizes]


curve, dots = np.linspace(0, 30, 25), [10.0, 20.0, 30.0]
for label, case in cases.items():
    before, after = ps.predict(case).test_error, ps.predict(steps(case, curve))
    change = np.array([p.test_error - before for p in after])
    (line,) = plt.plot(curve, change, linestyle="dotted")
    plt.plot(curve, np.where([p.trusted for p in after], change, np.nan), color=line.get_color(), label=label)
    pairs = [pair.test_error for pair in ps.paired_differences(steps(case, dots), case, replicates=10, n_test=3000)]
    plt.errorbar(
        dots, [d.mean for d in pairs], [d.standard_error for d in pairs], fmt="o", color=line.get_color(), capsize=3
    )

plt.axhline(0, color="black", linewidth=0.8)
plt.xlabel(r"step size $\eta$")
plt.ylabel("change of the test error")
plt.legend()
plt.show()
