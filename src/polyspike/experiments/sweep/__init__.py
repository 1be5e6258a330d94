"""Sweeps that survive: many problems and replicates into one store."""
