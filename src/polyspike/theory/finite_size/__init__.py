"""The finite-size theory: what a network of finite size does at any step size (docs/theory-finite-size.md)."""

from polyspike.theory.finite_size.predict import predict_finite_size

__all__ = ["predict_finite_size"]
