r"""
May the fit have the samples of the step?
=========================================

With n labelled samples the step and the ridge regression can share them, or have a half each. Dots are simulated
networks, each protocol at its own best step and ridge, with bars of one standard error; "n and n fresh ones" is the
setting of the paper and takes twice as many labels. Sharing loses to a second sample, and beats the split.
"""

import matplotlib.pyplot as plt

import polyspike as ps

base = ps.Problem("tanh", "h1", n_samples=300, input_dim=100, width=200, step_exponent=0.0, gradient="target")
found = [
    ps.sample_reuse(
        base.replace(n_samples=n), exponents=[0.2, 0.35, 0.5], ridges=[0.01, 0.03, 0.1, 0.3, 1.0], pilot=3, replicates=8
    )
    for n in (150, 300, 600)
]
for row in [record for one in found for record in one.records()]:
    n, protocol, error, spread = (row[name] for name in ("n_samples", "protocol", "test_error", "test_error_se"))
    print(f"n = {n}, {protocol}: test error {error:.3f} +/- {spread:.3f}")

with ps.plot.style("light"):
    ax = ps.plot.reuse(found)
    ax.set_title("tanh, each at its best step and ridge", fontsize="medium")
plt.show()
