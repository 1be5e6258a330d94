"""Averages over the law of one sample of the gradient, with a covariance (docs/theory-inputs.md, section 3).

The averages of which a step is made are those of finite_size/gradient_sample.py: with ``beta = Sigma^(1/2) gamma`` and
``gamma = (1/n_0) sum eps_j g_j`` they are ``V``, ``S = gamma . Sigma^(1/2) beta*``, ``T = gamma . Sigma^(1/2) omega``
and the rest of gamma, which is Gaussian. Of the rest it is the length of ``Sigma gamma`` that counts
(eq-inputs-sample).
"""

from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.step import condition
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.gradient_sample import WeightedSample, blended, sample_nodes

__all__ = ["covariance_samples"]


def covariance_samples(problem: Problem, spectrum: Eigenvalues) -> tuple[WeightedSample, ...]:
    """Nodes and weights, all positive, of an average over the gradient's sample; None for the expectations."""
    return blended(problem.gradient_samples, lambda: _nodes(problem, spectrum))


def _nodes(problem: Problem, spectrum: Eigenvalues) -> tuple[WeightedSample, ...]:
    scalars = condition(problem.replace(step_size=0.0, step_exponent=None), spectrum).scalars
    full = problem.gradient == "full"
    c1 = activation_numbers(problem.activation).c1 if full else 0.0
    across, freedom = rest_of_gradient(problem, spectrum)
    return sample_nodes(problem, scalars.gaussian_variance, c1, freedom, across)


def rest_of_gradient(problem: Problem, spectrum: Eigenvalues) -> tuple[float, float]:
    """The mean of ``|Sigma gamma|^2`` across ``Sigma^(1/2) beta*`` and ``Sigma^(1/2) omega``, over that in all
    directions, and the degrees of freedom of the chi-square with its relative variance (eq-inputs-sample).
    """
    d, one = problem.input_dim, spectrum.teacher_moment
    mean = d * spectrum.moment(2) - one(2)
    variance = d * spectrum.moment(4) - 2 * one(4) + one(2) ** 2
    if problem.gradient == "full":
        mean = mean - spectrum.moment(3)
        variance = variance - 2 * spectrum.moment(5) + spectrum.moment(3) ** 2
    if min(mean, variance) <= 0:
        return 0.0, 1.0
    return mean / (d * spectrum.moment(2)), max(mean**2 / variance, 1.0)
