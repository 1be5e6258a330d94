"""The theory road: limits and finite-size predictions, float64, no randomness."""

from polyspike.theory.predict import predict
from polyspike.theory.uniform.derivatives import derivatives
from polyspike.theory.uniform.gradient_spectrum import gradient_matrix_spectrum
from polyspike.theory.uniform.optimum import best_ridge, best_step, best_step_and_ridge

__all__ = ["best_ridge", "best_step", "best_step_and_ridge", "derivatives", "gradient_matrix_spectrum", "predict"]
