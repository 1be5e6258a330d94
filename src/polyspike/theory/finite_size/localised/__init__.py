"""Outliers of ``F F'/N`` that are localised on one neuron or rest on one sample of the gradient."""
