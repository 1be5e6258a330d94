"""The theory road: limits and finite-size predictions, float64, no randomness."""

from polyspike.theory.predict import predict
from polyspike.theory.uniform.derivatives import derivatives

__all__ = ["derivatives", "predict"]
