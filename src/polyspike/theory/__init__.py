"""The theory road: limits and finite-size predictions, float64, no randomness."""

from polyspike.theory.predict import predict

__all__ = ["predict"]
