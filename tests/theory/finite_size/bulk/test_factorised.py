import numpy as np
import pytest

from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian


@pytest.mark.parametrize("imaginary", [0, 1j])
def test_it_solves_with_the_matrix_and_its_transpose(imaginary: complex) -> None:
    real, other, right = np.random.default_rng(0).standard_normal((3, 5, 5))
    matrix = real + imaginary * other if imaginary else real
    factorised = FactorisedJacobian(matrix.copy(), None)
    np.testing.assert_allclose(matrix @ factorised.solve(right), right, atol=1e-12)
    np.testing.assert_allclose(matrix.T @ factorised.solve_transposed(right), right, atol=1e-12)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_singular_matrix_is_refused_with_its_state(value: float) -> None:
    with pytest.raises(NumericalError) as caught:
        FactorisedJacobian(np.full((2, 2), value), "here")
    assert caught.value.status is Status.SINGULAR
    assert caught.value.partial == "here"
