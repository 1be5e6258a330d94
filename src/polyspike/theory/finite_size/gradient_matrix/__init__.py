"""The matrix M of the gradient and the covariance of its noise (docs/theory-finite-size.md, section 8)."""
