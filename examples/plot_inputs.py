r"""
Inputs that are not isotropic
=============================

On the left, test errors against the step for four spectra of the inputs' covariance, with a teacher that has equal
weights and random signs in all eigendirections: lines are predicted, dots simulated. On the right, what one step
learns: its direction :math:`\beta` leans from :math:`\beta_*` to :math:`\Sigma\beta_*`, the more, the steeper the
spectrum. A preconditioned step, which multiplies the gradient by the inverse of its sample's covariance, leans less;
no theory is of it, and its dots are joined.

``spiked:20,1`` and the two steepest powers have an effective dimension below 60. There the predictions say of
themselves that they are not to be trusted (``prediction.trusted``), and are off the dots.
"""

import matplotlib.pyplot as plt

import polyspike as ps

spectra = ["isotropic", "two-level:0.3,1.7,0.5", "power:0.5", "spiked:20,1"]
exponents = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
problem = ps.Problem("relu", "h1 + 0.5*h2", n_samples=600, input_dim=150, width=300, step_exponent=0.3)

steps = [problem.replace(inputs=text, step_exponent=alpha) for text in spectra for alpha in exponents]
predictions = ps.predict(steps)
runs = [run for seed in range(6) for run in ps.simulate(steps, seed=seed, n_test=2000)]

powers = [0.0, 0.25, 0.5, 0.75, 1.0]
plain = problem.replace(n_gradient=3000)
predicted = ps.predict([plain.replace(inputs=f"power:{k}") for k in powers])
leaning = [ps.replicate(plain.replace(inputs=f"power:{k}"), replicates=4, n_test=2) for k in powers]
turned = [ps.replicate(plain.replace(inputs=f"power:{k}", precondition=0.1), replicates=4, n_test=2) for k in powers]


def biased(result):
    """The cosine with Sigma beta*, which is that with beta* where Sigma is the identity."""
    return result.cosine if result.biased_cosine is None else result.biased_cosine


with ps.plot.style("light"):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    ps.plot.errors(predictions, measured=runs, hue="inputs", ax=left)
    right.plot(powers, [biased(row) for row in predicted], label=r"with $\Sigma\beta_*$")
    right.plot(powers, [row.cosine for row in predicted], label=r"with $\beta_*$")
    right.plot(powers, [biased(run).mean for run in leaning], "o", color="C0")
    right.plot(powers, [run.cosine.mean for run in leaning], "s", color="C1")
    label = r"with $\Sigma\beta_*$, preconditioned"
    right.plot(powers, [biased(run).mean for run in turned], "o:", color="C0", label=label)
    right.plot(powers, [run.cosine.mean for run in turned], "s:", color="C1", label=r"with $\beta_*$, preconditioned")
    right.set(xlabel=r"decay of the spectrum $k^{-a}$: $a$", ylabel=r"cosine of $\beta$", ylim=(0, 1))
    right.legend()
plt.show()
