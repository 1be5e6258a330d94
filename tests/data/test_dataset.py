"""A data set checks what it is given."""

import numpy as np
import pytest

from polyspike.data import Dataset
from polyspike.errors import ArgumentError


def test_a_data_set_checks_what_it_is_given() -> None:
    with pytest.raises(ArgumentError, match="column 'y' has 1 missing"):
        Dataset("mine", np.array([[1.0], [2.0]]), np.array([1.0, np.nan]), ("x",), "y")


def test_a_data_set_lists_every_bad_column() -> None:
    inputs = np.array([[1.0, 7.0, np.inf], [2.0, 7.0, 1.0]])
    with pytest.raises(ArgumentError, match=r"column 'b' is constant.*column 'c' has 1 missing or infinite"):
        Dataset("mine", inputs, np.array([1.0, 2.0]), ("a", "b", "c"), "y")
