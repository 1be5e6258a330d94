"""The simulation road: a real network, one real gradient step, a real ridge fit."""

from polyspike.simulation.data_draw import simulate_data
from polyspike.simulation.leave_one_out import leave_one_out
from polyspike.simulation.simulate import simulate

__all__ = ["leave_one_out", "simulate", "simulate_data"]
