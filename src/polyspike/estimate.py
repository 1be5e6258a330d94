"""A measured mean with its error bar, which can stand wherever a number can."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
from numbers import Real
from typing import Any, overload

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """A mean over replicates with its standard error.

    It is a number: ``float(e)``, ``round(e, 2)``, ``f"{e:.3f}"`` and comparisons use the mean. What is linear in it
    (sums with exact numbers, multiples) keeps the error bar; a power or an inverse is a plain float. So is the
    difference of two estimates, because its error bar hangs on whether the two share their seeds:
    :func:`polyspike.paired_difference` has it for those that do.

    Attributes
    ----------
    mean : float
    standard_error : float
        Sample standard deviation over sqrt(n).
    replicates : int
        At least 2.

    Examples
    --------
    >>> error = Estimate(1.6784, 0.0312, 10)
    >>> mean, standard_error = error
    >>> print(error, f"{error:.2f}", error - 1.5, error > 1.5)
    1.678 +/- 0.031 1.68 0.178 +/- 0.031 True
    """

    mean: float
    standard_error: float
    replicates: int

    def __iter__(self) -> Iterator[float]:
        """``mean, standard_error = estimate``."""
        return iter((self.mean, self.standard_error))

    def __float__(self) -> float:
        return self.mean

    def __str__(self) -> str:
        """Mean and standard error with two digits of the latter; ASCII, so that every terminal shows it."""
        if not self.standard_error > 0:
            return f"{self.mean:.6g} +/- {self.standard_error:.2g}"
        digits = 1 - floor(log10(self.standard_error))
        if not 0 <= digits <= 12:
            return f"{self.mean:.6g} +/- {self.standard_error:.2g}"
        return f"{self.mean:.{digits}f} +/- {self.standard_error:.{digits}f}"

    def __format__(self, spec: str) -> str:
        """The mean in the format of a float; without a format, mean and standard error."""
        return format(self.mean, spec) if spec else str(self)

    def to_dict(self) -> dict[str, Any]:
        """The three numbers by name."""
        return {"mean": self.mean, "standard_error": self.standard_error, "replicates": self.replicates}

    def __neg__(self) -> "Estimate":
        return Estimate(-self.mean, self.standard_error, self.replicates)

    def __pos__(self) -> "Estimate":
        return self

    def __abs__(self) -> float:
        return abs(self.mean)

    def __round__(self, digits: int | None = None) -> float:
        return round(self.mean, digits)

    def __pow__(self, exponent: float) -> float:
        return float(self.mean**exponent) if _is_number(exponent) else NotImplemented

    @overload
    def __add__(self, other: "Estimate") -> float: ...
    @overload
    def __add__(self, other: float) -> "Estimate": ...
    def __add__(self, other: "float | Estimate") -> "float | Estimate":
        if isinstance(other, Estimate):
            return self.mean + other.mean
        return (
            Estimate(self.mean + float(other), self.standard_error, self.replicates)
            if _is_number(other)
            else NotImplemented
        )

    def __radd__(self, other: float) -> "Estimate":
        return self + other

    @overload
    def __sub__(self, other: "Estimate") -> float: ...
    @overload
    def __sub__(self, other: float) -> "Estimate": ...
    def __sub__(self, other: "float | Estimate") -> "float | Estimate":
        return self + -other

    def __rsub__(self, other: float) -> "Estimate":
        return -self + other

    @overload
    def __mul__(self, other: "Estimate") -> float: ...
    @overload
    def __mul__(self, other: float) -> "Estimate": ...
    def __mul__(self, other: "float | Estimate") -> "float | Estimate":
        if isinstance(other, Estimate):
            return self.mean * other.mean
        if not _is_number(other):
            return NotImplemented
        factor = float(other)
        return Estimate(self.mean * factor, self.standard_error * abs(factor), self.replicates)

    def __rmul__(self, other: float) -> "Estimate":
        return self * other

    @overload
    def __truediv__(self, other: "Estimate") -> float: ...
    @overload
    def __truediv__(self, other: float) -> "Estimate": ...
    def __truediv__(self, other: "float | Estimate") -> "float | Estimate":
        if isinstance(other, Estimate):
            return self.mean / other.mean
        if not _is_number(other):
            return NotImplemented
        return Estimate(self.mean / float(other), self.standard_error / abs(float(other)), self.replicates)

    def __rtruediv__(self, other: float) -> float:
        return float(other) / self.mean if _is_number(other) else NotImplemented

    def __lt__(self, other: "float | Estimate") -> bool:
        return self.mean < float(other)

    def __le__(self, other: "float | Estimate") -> bool:
        return self.mean <= float(other)

    def __gt__(self, other: "float | Estimate") -> bool:
        return self.mean > float(other)

    def __ge__(self, other: "float | Estimate") -> bool:
        return self.mean >= float(other)


def _is_number(value: object) -> bool:
    """A real number that is exact; NumPy's count themselves as such."""
    return isinstance(value, Real)
