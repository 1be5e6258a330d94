"""Regression targets made of class labels."""

from collections.abc import Callable

import numpy as np

from polyspike.arraytypes import Array
from polyspike.data.scale import standardise
from polyspike.errors import ArgumentError
from polyspike.rows import as_numbers

__all__ = ["LABEL_TARGETS", "label_target"]

LABEL_TARGETS: dict[str, Callable[[Array], Array]] = {
    "value": lambda labels: labels,
    "parity": lambda labels: np.where(labels % 2 == 0, -1.0, 1.0),
    "upper": lambda labels: np.where(labels > np.median(np.unique(labels)), 1.0, -1.0),
}
"""What can be made of labels: the number itself, odd against even, the upper half of the classes."""


def label_target(labels: Array, kind: str = "value") -> Array:
    """A regression target of mean 0 and variance 1 made of integer labels, shape (n,).

    Parameters
    ----------
    labels : ndarray of shape (n,)
    kind : {"value", "parity", "upper"}
        The label itself; +1 for odd and -1 for even; +1 for the upper half of the classes, -1 for the rest.

    Raises
    ------
    ArgumentError
        Unknown kind, labels that are no finite numbers, or a target that is constant.
    """
    if kind not in LABEL_TARGETS:
        raise ArgumentError("kind", kind, f"give one of {', '.join(LABEL_TARGETS)}")
    values = as_numbers("labels", labels)
    if not np.all(np.isfinite(values)):
        raise ArgumentError("labels", values.shape, "all values must be finite; drop or fill missing ones")
    return standardise(LABEL_TARGETS[kind](values))
