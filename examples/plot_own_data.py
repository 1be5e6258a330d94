r"""
Your own rows, predicted beside measured
========================================

The theory on data takes the rows themselves: no covariance, no teacher, nothing fitted. Its curve is the mean over
networks, here on the digits of scikit-learn as they are and whitened. The dots are networks trained on the same rows,
which differ by their initial weights alone; bars are standard errors over them.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps
from polyspike.data import load, rescale, whiten

digits = load("digits", "value")
forms = {"as they are": rescale(digits.inputs), "whitened": whiten(digits.inputs, 40, common_unit=True)}
network = {"activation": "tanh", "width": 200, "n_samples": 250, "n_gradient": 250}
rows = np.random.default_rng(0).permutation(len(digits.target))[:700]
exponents = [0.0, 0.15, 0.3, 0.4]

with ps.plot.style("light"):
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
    for ax, (form, inputs) in zip(axes, forms.items()):
        x, y = inputs[rows], digits.target[rows]
        grid = ps.predict_data_grid(x, y, step_exponents=exponents, gradient="target", **network)
        cases = [points[0].problem for points in grid.points]
        runs = [ps.simulate_data(cases, x, y, seed=k, split_seed=0) for k in range(12)]
        errors = np.array([[run.test_error for run in row] for row in runs])
        ax.plot(exponents, grid.table()[:, 0], color="#0072B2", label="predicted")
        bars = errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
        ax.errorbar(exponents, errors.mean(axis=0), bars, fmt="o", color="#1A1A1A", label="measured")
        ax.set(title=f"digits {form}", xlabel=r"step exponent $\alpha$", ylabel="test error")
        print(f"{form}: best step {grid.best_step:.1f}, test error {grid.best.test_error:.3f} predicted")
    axes[0].legend()
plt.show()
