"""The simulation road: a real network, one real gradient step, a real ridge fit."""

from polyspike.simulation.data_draw import simulate_data
from polyspike.simulation.simulate import simulate, simulate_many

__all__ = ["simulate", "simulate_data", "simulate_many"]
