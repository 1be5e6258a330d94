"""The theory road: limits and finite-size predictions, float64, no randomness."""

from polyspike.theory.derivatives import derivatives
from polyspike.theory.finite_size.gradient_matrix.spectrum import gradient_matrix_spectrum
from polyspike.theory.on_data.predict import predict_data, predict_data_grid
from polyspike.theory.optimum import best_ridge, best_step, best_step_and_ridge
from polyspike.theory.predict import predict

__all__ = [
    "best_ridge",
    "best_step",
    "best_step_and_ridge",
    "derivatives",
    "gradient_matrix_spectrum",
    "predict",
    "predict_data",
    "predict_data_grid",
]
