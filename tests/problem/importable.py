"""Functions that tests name by their dotted names."""

from typing import Any

import numpy as np

from polyspike import as_activation, as_teacher


def steep(x: Any) -> Any:
    return np.tanh(3 * x)


hard_tanh = as_activation(
    lambda x: np.clip(x, -1, 1), derivative=lambda x: 1.0 * (np.abs(x) < 1), kinks=(-1.0, 1.0), centred=False
)
hinge = as_teacher(lambda t: np.maximum(t - 1, 0), kinks=(1.0,))
number = 3
