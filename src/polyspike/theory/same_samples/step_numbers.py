"""What the features of one sample need of the step."""

from dataclasses import dataclass

__all__ = ["StepNumbers"]


@dataclass(frozen=True)
class StepNumbers:
    """What the features of one sample need of the step.

    Attributes
    ----------
    strength : float
        r.
    self_gain : float
        ``s = eta phi / sqrt(N)``.
    move_variance : float
        q.
    stretch : float
        ``e E eps``, the mean stretch of a weight along itself by the quadratic part of the gradient, over u; less
        ``loss``.
    c1, c2, c3 : float
    loss : float
        What a weight loses of itself besides, where all ``u = 1``.
    norm : float
        Of the sample, over that of the average one.
    """

    strength: float
    self_gain: float
    move_variance: float
    stretch: float
    c1: float
    c2: float
    c3: float = 0.0
    loss: float = 0.0
    norm: float = 1.0
