"""Targets made of labels."""

import numpy as np
import pytest

from polyspike.data import label_target
from polyspike.errors import ArgumentError


@pytest.mark.parametrize("kind", ["value", "parity", "upper"])
def test_label_targets_are_standardised(kind: str) -> None:
    target = label_target(np.arange(10.0).repeat(3), kind)
    assert target.mean() == pytest.approx(0, abs=1e-12)
    assert target.var() == pytest.approx(1, abs=1e-12)


def test_parity_and_upper_half_are_what_they_say() -> None:
    labels = np.array([0.0, 1, 2, 3])
    np.testing.assert_allclose(label_target(labels, "parity"), [-1, 1, -1, 1])
    np.testing.assert_allclose(label_target(labels, "upper"), [-1, -1, 1, 1])


def test_one_class_alone_makes_no_target() -> None:
    with pytest.raises(ArgumentError, match="constant"):
        label_target(np.ones(5))


def test_labels_are_finite_numbers() -> None:
    with pytest.raises(ArgumentError, match=r"labels = .*finite"):
        label_target(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ArgumentError, match="labels = 'list': give numbers"):
        label_target(["a", "b"])  # type: ignore[arg-type]
