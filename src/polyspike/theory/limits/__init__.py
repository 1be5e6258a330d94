"""The limits n, d, N to infinity at fixed ratios (docs/theory.md)."""
