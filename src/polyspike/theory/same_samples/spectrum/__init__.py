"""The spectrum of the training features: edges, bulk, outliers (docs/theory-same-data.md, section 9)."""
