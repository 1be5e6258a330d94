"""The uniform theory: what a network of finite size does at any step size (docs/theory-uniform.md)."""

from polyspike.theory.uniform.predict_uniform import predict_uniform

__all__ = ["predict_uniform"]
