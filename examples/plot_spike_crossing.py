r"""
A spike crosses the edge
========================

The largest eigenvalues of :math:`FF^\top/N` while the step grows. At first the largest sits at the edge of the bulk and
has learned nothing; then it leaves, and from then on its singular vector is the learned direction. Lines are
predicted; dots are means over eight networks; their bars show how far single networks are apart.
"""

import matplotlib.pyplot as plt
import numpy as np

import polyspike as ps

INK = "#1A1A1A"
start = ps.Problem("relu", "h1", n_samples=600, input_dim=240, width=360, step_size=0.0, ridge=0.01, gradient="target")
steps = np.linspace(0, 8, 17)
cases = [start.replace(step_size=float(eta)) for eta in steps]
spectra = [row.spectrum for row in ps.predict(cases)]
edge = [spectrum.edges[-1][1] for spectrum in spectra]
spike = [max((s.location for s in spectrum.spikes), default=np.nan) for spectrum in spectra]
share = [max((s.overlaps[1] for s in spectrum.spikes), default=0.0) for spectrum in spectra]

seen = np.linspace(0, 8, 9)
chosen = [start.replace(step_size=float(eta)) for eta in seen]
runs = [ps.simulate(chosen, seed=k, n_test=2, eigenvalues=2, alignment_degree=1) for k in range(8)]
eigenvalues = np.array([[run.eigenvalues for run in row] for row in runs])
shares = np.array([[run.alignment.overlaps[0, 0] for run in row] for row in runs])

with ps.plot.style("light"):
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6, 4.6))
    above.fill_between(steps, 0, edge, color="#B8C2CC", label="bulk")
    above.plot(steps, spike, color="#0072B2", label="spike, predicted")
    for k, marker in enumerate("o."):
        top = eigenvalues[..., k]
        above.errorbar(seen, top.mean(axis=0), top.std(axis=0), label=f"eigenvalue {k + 1}", fmt=marker, color=INK)
    above.set(ylabel="eigenvalue", ylim=(0, None))
    above.legend()
    below.plot(steps, share, color="#0072B2")
    below.errorbar(seen, shares.mean(axis=0), shares.std(axis=0), fmt="o", color=INK)
    below.set(xlabel=r"step size $\eta$", ylabel=r"share of $H_1(\kappa)$", ylim=(0, 1))
plt.show()
