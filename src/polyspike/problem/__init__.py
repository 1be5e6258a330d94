"""What is studied: activations, teachers and the frozen :class:`Problem`."""

from polyspike.problem.activations import ACTIVATIONS, Activation, as_activation
from polyspike.problem.importing import is_dotted
from polyspike.problem.inputs import Inputs
from polyspike.problem.problem import Problem
from polyspike.problem.teachers import Teacher, as_teacher

__all__ = ["ACTIVATIONS", "Activation", "Inputs", "Problem", "Teacher", "as_activation", "as_teacher", "is_dotted"]
