"""Products of known directions, against matrices."""

import numpy as np
import pytest

from polyspike.theory.covariance.features import component_degrees
from polyspike.theory.covariance.products import along_known, between_products, label_products


@pytest.mark.parametrize("p", [1, 2, 3, 4])
def test_the_order_is_that_of_the_label(p: int) -> None:
    found = label_products(p)
    assert len(found) == len(set(found)) == p * (p + 1) // 2
    assert found[0] == (1, 1)
    assert [i == j for i, j in found[:p]] == [True, *[False] * (p - 1)]
    assert component_degrees(p)[-len(found) :].sum(axis=1).tolist() == [2] * len(found)
    assert component_degrees(p)[1 : 1 + p].tolist() == np.eye(p).tolist()


@pytest.mark.parametrize("p", [1, 3])
def test_forms_between_symmetric_matrices_of_unit_norm(p: int) -> None:
    """``tr D_a S D_b S`` and ``tr D_a diag(weights)``, of ``D = v v'`` or ``(v w' + w v')/sqrt 2``."""
    rng = np.random.default_rng(1)
    known = np.linalg.qr(rng.standard_normal((12, p + 1)))[0].T
    root = rng.standard_normal((12, 12))
    form, weights = root @ root.T, rng.random(12)
    pairs = [(0, 0), *((0, k) for k in range(1, p + 1)), *label_products(p)]
    products = [np.outer(known[i], known[j]) for i, j in pairs]
    products = [(m + m.T) / (2 if i == j else 2**0.5) for m, (i, j) in zip(products, pairs, strict=True)]
    expected = [[np.trace(a @ form @ b @ form) for b in products] for a in products]
    assert np.allclose(between_products(known @ form @ known.T, np.multiply), expected)
    assert np.allclose([np.sum(m * m) for m in products], 1)
    measures = known[:, None] * known
    assert np.allclose(along_known(measures) @ weights, [np.diag(m) @ weights for m in products])
