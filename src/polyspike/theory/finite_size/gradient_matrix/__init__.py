"""The matrix M of the gradient and the covariance of its noise (docs/theory-corrections.md, section 8)."""
