"""One sample for both stages: ridge regression on the gradient's own samples (docs/theory-same-data.md)."""
