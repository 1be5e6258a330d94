"""Names for the types of arrays, one for the whole package."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Complex"]

Array = NDArray[np.float64]
"""Real numbers in double precision."""

Complex = NDArray[np.complex128]
"""Complex numbers in double precision."""
