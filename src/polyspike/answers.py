"""The fields that every answer of the theory has, whatever kind of row it is, so that a loop may read them all."""

from typing import Any, Generic, TypeVar

from polyspike.record import Result

__all__ = ["FIELDS", "PredictionFields"]

FIELDS = (
    "problem",
    "method",
    "train_loss",
    "train_error",
    "test_error",
    "cosine",
    "spike_cosine",
    "spike_strength",
    "regime",
    "null_error",
    "linear_error",
    "window",
    "error_estimate",
    "trusted",
    "trust_reason",
    "notes",
    "status",
    "extras",
    "biased_cosine",
)
"""What every row has."""

Number = TypeVar("Number")
"""float; or None, where there may be no prediction."""


class PredictionFields(Result, Generic[Number]):
    """The fields of a :class:`polyspike.Prediction` on something that holds one, or that has none and says why.

    Without a prediction the numbers are None, never NaN, ``trusted`` is False and ``trust_reason`` says why.
    """

    @property
    def _own(self) -> Any:
        """The prediction that the fields are those of, or None."""
        return None

    @property
    def _why_none(self) -> str:
        """Why there is none."""
        return ""

    def _recorded(self) -> dict[str, Any]:
        """What every row has, then what this one has besides."""
        return {name: getattr(self, name) for name in FIELDS} | super()._recorded()

    def _field(self, name: str, absent: Any = None) -> Any:
        return absent if self._own is None else getattr(self._own, name)

    @property
    def train_loss(self) -> Number:
        """Train loss, with the penalty; as in :class:`polyspike.Prediction`, like all that follow."""
        value: Number = self._field("train_loss")
        return value

    @property
    def train_error(self) -> Number:
        """Train error, without the penalty."""
        value: Number = self._field("train_error")
        return value

    @property
    def test_error(self) -> Number:
        """Test error, on fresh noisy samples."""
        value: Number = self._field("test_error")
        return value

    @property
    def cosine(self) -> Number:
        """Between beta and beta*."""
        value: Number = self._field("cosine")
        return value

    @property
    def biased_cosine(self) -> float | None:
        """Between beta and ``Sigma beta*``; None also where the covariance of the inputs is the identity."""
        value: float | None = self._field("biased_cosine")
        return value

    @property
    def spike_cosine(self) -> Number:
        """Between the spike direction b and beta*."""
        value: Number = self._field("spike_cosine")
        return value

    @property
    def spike_strength(self) -> Number:
        """``r = |b| / sqrt(N)``."""
        value: Number = self._field("spike_strength")
        return value

    @property
    def null_error(self) -> Number:
        """``E y^2``."""
        value: Number = self._field("null_error")
        return value

    @property
    def linear_error(self) -> Number:
        """Error of the best linear model."""
        value: Number = self._field("linear_error")
        return value

    @property
    def regime(self) -> str:
        """The regime in which the prediction holds, in words."""
        value: str = self._field("regime", "")
        return value

    @property
    def window(self) -> int | None:
        """Number of spikes, for the limit theory."""
        value: int | None = self._field("window")
        return value

    @property
    def error_estimate(self) -> float | None:
        """Relative deviation of a network of this size, where it is estimated."""
        value: float | None = self._field("error_estimate")
        return value

    @property
    def trusted(self) -> bool:
        """Whether the prediction is to be trusted; False where there is none."""
        value: bool = self._field("trusted", False)
        return value

    @property
    def trust_reason(self) -> str:
        """Why it is not trusted, or why there is none."""
        value: str = self._field("trust_reason", self._why_none)
        return value

    @property
    def notes(self) -> tuple[str, ...]:
        """Answers that need a word."""
        value: tuple[str, ...] = self._field("notes", ())
        return value

    @property
    def extras(self) -> dict[str, float]:
        """Further numbers by name."""
        value: dict[str, float] = self._field("extras", {})
        return value
