"""Which problems the theory speaks of: which laws of the inputs, which steps, which samples."""

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.problem.activations import is_constant

__all__ = ["check_features", "check_isotropic", "check_scope", "theory_of"]


def check_scope(problem: Problem) -> None:
    """Refuse what no theory here has.

    Raises
    ------
    ArgumentError
        What is no problem (of the argument ``problem``), one sample for both stages after a preconditioned step (of
        ``precondition``), where the inputs have another covariance than I (of ``samples``), or of constant features (of
        ``activation``).
    """
    if not isinstance(problem, Problem):
        raise ArgumentError("problem", problem, "give one Problem")
    if problem.precondition is not None and problem.shared_samples:
        remedy = "the theory of one sample for both stages is of the plain step; simulate() takes this one"
        raise ArgumentError("precondition", problem.precondition, remedy)
    if problem.shared_samples and not problem.inputs.is_isotropic:
        remedy = "the theory of one sample for both stages is of inputs with covariance I; simulate() takes any"
        raise ArgumentError("samples", problem.samples, remedy)
    if problem.shared_samples:
        check_features(problem)


def check_features(problem: Problem) -> None:
    """Refuse an activation that makes no features.

    Raises
    ------
    ArgumentError
        Of the argument ``activation``.
    """
    if is_constant(problem.activation):
        raise ArgumentError("activation", problem.activation.label, "it is constant and has no features; give another")


def check_isotropic(problem: Problem) -> None:
    """Refuse inputs whose covariance is not the identity, preconditioned steps, and what :func:`check_scope` refuses.

    Raises
    ------
    ArgumentError
        Of the argument ``inputs`` or ``precondition``, or as :func:`check_scope`.
    """
    check_scope(problem)
    if problem.precondition is not None:
        remedy = "this theory is of the plain gradient step; the other methods of predict() and simulate() take any"
        raise ArgumentError("precondition", problem.precondition, remedy)
    if not problem.inputs.is_isotropic:
        remedy = "this theory is of inputs with covariance I; the other methods of predict() and simulate() take any"
        raise ArgumentError("inputs", str(problem.inputs), remedy)


def theory_of(problem: Problem) -> str:
    """Which of the finite-size theories a problem takes.

    "isotropic": fresh samples of inputs with covariance I after a plain step; "covariance": of others, and after a
    preconditioned step; "same": samples that both stages have, all or some.
    """
    if problem.shared_samples:
        return "same"
    return "isotropic" if problem.inputs.is_isotropic and problem.precondition is None else "covariance"
