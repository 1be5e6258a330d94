"""The spectrum of the features: bulk, edges, outliers (section 6)."""
