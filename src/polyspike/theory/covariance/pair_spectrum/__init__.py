"""The spectrum of activations without a linear part, of quadratic features (docs/theory-inputs.md, section 8)."""
