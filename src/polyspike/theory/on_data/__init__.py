"""The theory conditional on actual rows, averaged over the network alone (docs/theory-data.md)."""
