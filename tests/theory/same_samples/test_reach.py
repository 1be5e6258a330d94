"""What n samples and N neurons reach: the ends of the laws, and interpolation up to them."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from polyspike import Problem
from polyspike.theory.same_samples.reach import within_reach
from polyspike.theory.same_samples.sample_law import sample_law
from polyspike.theory.same_samples.steps import rules_of, step_of

BASE = Problem("tanh", "h1", 900, 300, 720, step_exponent=0.4, noise=0.5, gradient="target", samples="same")


@pytest.mark.parametrize("beyond", [0.25, 1.0])
def test_as_many_are_beyond_the_ends_as_asked_for(beyond: float) -> None:
    step = step_of(BASE)
    law = sample_law(BASE, step.frame, rules_of(BASE))
    reach = within_reach(step, law, beyond)
    deviation = np.sqrt(1.25)  # of the labels, which are normal
    assert 720 * ndtr(-reach.step.u.max()) == pytest.approx(beyond)
    # The residual's quantiles are those of a Gauss rule: a quarter of the distance of its nodes from the law's.
    asked, found = -ndtri(beyond / 900), reach.law.residual.max() / deviation
    assert abs(found - asked) < np.diff(law.residual / deviation).max() / 4
    assert np.abs(reach.law.residual - law.residual).max() > 0
    middle = np.abs(law.residual) < 2 * deviation
    assert np.array_equal(reach.law.residual[middle], law.residual[middle])


def test_a_sample_may_be_far_out_in_one_way_only() -> None:
    """In units of their deviations, kappa given the residual and the residual lie within one circle."""
    step = step_of(BASE)
    law = sample_law(BASE, step.frame, rules_of(BASE))
    reach = within_reach(step, law, 0.5)
    slope = float(law.mean(law.residual[:, None] * law.kappa)) / 1.25
    across = (reach.kappa - slope * reach.law.residual[:, None]) / np.sqrt(1 - slope**2 * 1.25)
    radius = np.sqrt(across**2 + reach.law.residual[:, None] ** 2 / 1.25)
    assert 0.2 < 900 * ndtr(-radius.max()) < 1.0


def test_values_are_moved_along_kappa() -> None:
    step = step_of(BASE)
    law = sample_law(BASE, step.frame, rules_of(BASE))
    reach = within_reach(step, law, 0.5)
    linear = np.broadcast_to((2 + 3 * law.kappa)[:, None], (*law.weights.shape, 2))
    assert reach.along_kappa(linear) == pytest.approx(np.stack([2 + 3 * reach.kappa] * 2, axis=-1))
