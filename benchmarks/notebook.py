"""The finite-size theory as a notebook has it: ``scipy.integrate.quad`` for every integral, inside a damped iteration.

The same equations as the library's (docs/theory-finite-size.md, sections 1 to 5), for the case in which they are
short: the target-only gradient, the constant readout (zeta is a number), tanh and a polynomial teacher; test and
train error by finite differences. It is written for comparison, and kindly: what depends on kappa alone is
remembered, unless it is asked to be plain.
"""

from collections.abc import Callable
from functools import cache, partial, reduce
from math import exp, pi, sqrt, tanh

from numpy.polynomial.hermite_e import herme2poly
from scipy.integrate import quad

from polyspike import Problem

__all__ = ["Notebook"]

Function = Callable[[float], float]

TOLERANCE = 1e-10
DIFFERENCE = 1e-4
DEGREE = 4


def polynomial(coefficients: list[float]) -> Function:
    """By Horner's rule, in plain Python: NumPy is slow on single numbers."""
    return lambda x: reduce(lambda total, c: total * x + c, reversed(coefficients), 0.0)


def gaussian_mean(function: Function) -> float:
    """``E f(z)``, z ~ N(0, 1)."""
    return quad(lambda z: function(z) * exp(-z * z / 2) / sqrt(2 * pi), -8, 8, epsabs=1e-11, epsrel=1e-11, limit=200)[0]


class Notebook:
    """All functions of kappa of one problem, and the quadratic form made of them."""

    def __init__(self, problem: Problem, remember: bool = True) -> None:
        self.n, self.d, self.width = problem.n_samples, problem.input_dim, problem.width
        self.gamma = problem.ridge * self.n / self.width
        self.noise2 = problem.noise**2
        sigma, teacher = problem.activation, problem.teacher
        self.sigma = tanh
        self.teacher = polynomial(herme2poly(teacher.coefficients(DEGREE)).tolist())
        c1, c_teacher = sigma.coefficients(1)[1], teacher.coefficients(1)[1]
        energy = problem.label_second_moment
        beta = sqrt(c_teacher**2 + problem.phi_gradient * energy)
        self.rho = c_teacher / beta
        self.r = problem.step * c1 * beta / sqrt(self.width)
        spread = problem.phi_gradient * problem.step**2 / self.width * energy * sigma.derivative_variance
        self.tau = sqrt(1 + spread)
        self.kernels, self.label = self._kernels, self._label
        if remember:
            self.kernels, self.label = cache(self._kernels), cache(self._label)
        self.iterations = 0

    def _kernels(self, kappa: float) -> tuple[float, float, float]:
        """``m``, ``A1`` and ``A2^2``."""
        value = lambda z: self.sigma(self.tau * z + self.r * kappa)  # noqa: E731
        mean = gaussian_mean(value)
        linear = gaussian_mean(lambda z: z * value(z))
        return mean, linear, gaussian_mean(lambda z: value(z) ** 2) - mean**2 - linear**2

    def _label(self, kappa: float) -> tuple[float, float, float]:
        """``g0``, ``g1`` and ``g2``."""
        value = lambda t: self.teacher(self.rho * kappa + sqrt(1 - self.rho**2) * t)  # noqa: E731
        g0, g1 = gaussian_mean(value), gaussian_mean(lambda t: t * value(t))
        return g0, g1, gaussian_mean(lambda t: value(t) ** 2) - g0**2 - g1**2 + self.noise2

    def solve(self, shift: Function) -> tuple[Function, float, float]:
        """``R(kappa)``, ``zeta`` and ``V`` by damped iteration."""
        zeta, v = 1.0, 0.0
        while True:
            new_zeta, new_v = self.iterate(shift, zeta, v)
            change = max(abs(new_zeta / zeta - 1), abs(new_v - v) / new_v)
            zeta, v = (zeta + new_zeta) / 2, (v + new_v) / 2
            if change < TOLERANCE:
                return partial(self._r, shift, zeta, v), zeta, v

    def iterate(self, shift: Function, zeta: float, v: float) -> tuple[float, float]:
        """``zeta`` and ``V`` after one undamped step."""
        now = partial(self._r, shift, zeta, v)
        self.iterations += 1
        new_v = gaussian_mean(lambda k: self.kernels(k)[1] ** 2 * now(k))
        noise = gaussian_mean(lambda k: self.kernels(k)[2] * now(k))
        return 1 / (1 + self.n / self.width * (noise + new_v / (1 + self.n / self.d * zeta * new_v))), new_v

    def _r(self, shift: Function, zeta: float, v: float, kappa: float) -> float:
        _, a1, a2 = self.kernels(kappa)
        return 1 / (shift(kappa) + zeta * a2 + a1**2 * zeta / (1 + self.n / self.d * v * zeta))

    def form(self, shift: Function) -> float:
        """``(1/n) y' (F F'/N + D)^-1 y``."""
        r, zeta, v = self.solve(shift)
        d_over_n = self.d / self.n
        mean, a1 = (lambda k: self.kernels(k)[0]), (lambda k: self.kernels(k)[1])
        g0, g1, g2 = (lambda k: self.label(k)[0]), (lambda k: self.label(k)[1]), (lambda k: self.label(k)[2])
        v_b = gaussian_mean(lambda k: (a1(k) * k) ** 2 * r(k))

        def pair(p: Function, q: Function) -> float:
            v_p, v_q = (gaussian_mean(lambda k, f=f: f(k) * a1(k) * k * r(k)) for f in (p, q))
            return gaussian_mean(lambda k: p(k) * q(k) * r(k)) - v_p * v_q * zeta / (d_over_n + v_b * zeta)

        v_1 = gaussian_mean(lambda k: g1(k) * a1(k) * r(k))
        label = pair(g0, g0) + gaussian_mean(lambda k: (g1(k) ** 2 + g2(k)) * r(k))
        label -= v_1**2 * zeta / (d_over_n + v * zeta)
        return label - pair(mean, g0) ** 2 / (pair(mean, mean) + 1 / (self.n * zeta))

    def errors(self) -> tuple[float, float, float]:
        """Train loss, train error and test error."""
        r, _, _ = self.solve(lambda k: self.gamma)
        h = DIFFERENCE * self.gamma
        above, below = self.form(lambda k: self.gamma + h), self.form(lambda k: self.gamma - h)
        step = h * r(0.0) ** 2
        up = self.form(lambda k: self.gamma + step / r(k) ** 2)
        down = self.form(lambda k: self.gamma - step / r(k) ** 2)
        loss = self.gamma * (above + below) / 2
        return loss, -(self.gamma**2) * (above - below) / (2 * h), -(up - down) / (2 * step)
