"""The simulation road: a real network, one real gradient step, a real ridge fit."""

from polyspike.simulation.data_draw import simulate_data
from polyspike.simulation.simulate import simulate

__all__ = ["simulate", "simulate_data"]
