"""Activations: Hermite coefficients against closed forms and stored references, derivatives, centring, identity.

The references of tanh, sigmoid, softplus and silu were computed with mpmath at 50 digits, by the trapezoid
rule with steps 1/16 and 1/24 (it converges like exp(-2 pi a / h) for a function analytic in |Im z| < a); the two
agree to 1e-45 relative.
"""

import pickle
from collections.abc import Callable
from math import exp, factorial, pi, prod, sqrt
from typing import Any

import numpy as np
import pytest

from polyspike import ACTIVATIONS, Activation, ArgumentError, as_activation
from polyspike.arraytypes import Array
from polyspike.problem.activations import Formula

DEGREE = 30

STORED = {
    "tanh": {
        1: 0.60570550960215883,
        3: -0.060599229380162358,
        5: 0.0057097816125743241,
        7: -0.00044293716504506228,
        9: 2.8917778345470634e-5,
        11: -1.628977896291594e-6,
        13: 8.0764047851757546e-8,
        15: -3.5791174652830307e-9,
        17: 1.4350719435721675e-10,
        19: -5.257319876006721e-12,
        21: 1.7739376050910436e-13,
        23: -5.5502068492273148e-15,
        25: 1.6193679780984768e-16,
        27: -4.4275746103121433e-18,
        29: 1.1392214720900199e-19,
    },
    "sigmoid": {
        0: 0.5,
        1: 0.20662096414190704,
        3: -0.010399413993209866,
        5: 0.00053649977707536767,
        7: -2.4321515131533021e-5,
        9: 9.7575337459051997e-7,
        11: -3.5136192104994924e-8,
        13: 1.1494210999479637e-9,
        15: -3.4494375961079931e-11,
        17: 9.5721143625083721e-13,
        19: -2.4723433272156246e-14,
        21: 5.9765167353132374e-16,
        23: -1.3585336017101336e-17,
        25: 2.9156842527183824e-19,
        27: -5.9292293585401533e-21,
        29: 1.1460386695943627e-22,
    },
    "softplus": {
        0: 0.80605918334743978,
        1: 0.5,
        2: 0.10331048207095352,
        4: -0.0025998534983024664,
        6: 8.9416629512561279e-5,
        8: -3.0401893914416277e-6,
        10: 9.7575337459051997e-8,
        12: -2.928016008749577e-9,
        14: 8.2101507139140261e-11,
        16: -2.1558984975674957e-12,
        18: 5.3178413125046512e-14,
        20: -1.2361716636078123e-15,
        22: 2.7165985160514716e-17,
        24: -5.6605566737922233e-19,
        26: 1.1214170202763009e-20,
        28: -2.1175819137643405e-22,
        30: 3.8201288986478755e-24,
    },
    "silu": {
        0: 0.20662096414190704,
        1: 0.5,
        2: 0.17542272216227744,
        4: -0.0077169151078330272,
        6: 0.00036624917115463652,
        8: -1.5539734760218342e-5,
        10: 5.8925526143557581e-7,
        12: -2.0193717805671396e-8,
        14: 6.320054605317647e-10,
        16: -1.8221781544815698e-11,
        18: 4.8746620407986854e-13,
        20: -1.2172748127998448e-14,
        22: 2.8518894513799302e-16,
        24: -6.2961253853053799e-18,
        26: 1.314792325912541e-19,
        28: -2.6057172167165016e-21,
        30: 4.9154079012155333e-23,
    },
}


def double_factorial(k: int) -> int:
    return prod(range(k, 0, -2))


def relu_coefficient(k: int) -> float:
    """``E[relu H_k] = E[delta H_{k-2}] = H_{k-2}(0) / sqrt(2 pi)`` for k >= 2."""
    if k < 2 or k % 2:
        return {0: 1 / sqrt(2 * pi), 1: 0.5}.get(k, 0.0)
    return (-1) ** (k // 2 - 1) * double_factorial(k - 3) / (sqrt(2 * pi) * factorial(k))


def cdf_coefficient(k: int) -> float:
    """Taylor coefficients of ``E Phi(z + w) = Phi(w / sqrt 2)``."""
    if k % 2 == 0:
        return 0.5 if k == 0 else 0.0
    m = k // 2
    return (-1) ** m / (sqrt(4 * pi) * 4**m * factorial(m) * k)


def erf_coefficient(k: int) -> float:
    """Taylor coefficients of ``E erf(z + w) = erf(w / sqrt 3)``."""
    m = k // 2
    return 0.0 if k % 2 == 0 else 2 / sqrt(pi) * (-1) ** m / (factorial(m) * k) * 3 ** (-k / 2)


def sine_coefficient(k: int) -> float:
    """``E sin(z + w) = exp(-1/2) sin w``."""
    return exp(-0.5) * (0, 1, 0, -1)[k % 4] / factorial(k)


CLOSED: dict[str, Callable[[int], float]] = {
    "identity": lambda k: float(k == 1),
    "relu": relu_coefficient,
    "leaky_relu": lambda k: 0.99 * relu_coefficient(k) + 0.01 * (k == 1),
    "erf": erf_coefficient,
    "sin": sine_coefficient,
    "cos": lambda k: sine_coefficient(k + 1) * factorial(k + 1) / factorial(k),
    # x H_k = H_{k+1} + k H_{k-1}
    "gelu": lambda k: (k + 1) * cdf_coefficient(k + 1) + (cdf_coefficient(k - 1) if k else 0.0),
    **{name: lambda k, name=name: STORED[name].get(k, 0.0) for name in STORED},  # type: ignore[misc]
    **{f"h{j}": lambda k, j=j: float(k == j) for j in range(1, 13)},  # type: ignore[misc]
}


def expected_coefficients(name: str) -> Array:
    return np.array([CLOSED[name](k) for k in range(DEGREE + 1)])


def test_every_name_has_a_reference() -> None:
    assert set(CLOSED) == set(ACTIVATIONS)


# The higher Hermite polynomials repeat the lower ones, at half a second each.
DISTINCT = [name for name in ACTIVATIONS if name not in {f"h{k}" for k in range(4, 12)}]


@pytest.mark.parametrize("name", DISTINCT)
def test_coefficients_to_1e_12_relative_up_to_degree_30(name: str) -> None:
    expected = expected_coefficients(name)
    bare = as_activation(name, centred=False).coefficients(DEGREE)
    np.testing.assert_array_equal(bare == 0, expected == 0)
    np.testing.assert_allclose(bare, expected, rtol=1e-12, atol=0)
    centred = as_activation(name).coefficients(DEGREE)
    assert centred[0] == 0
    np.testing.assert_allclose(centred[1:], expected[1:], rtol=1e-12, atol=0)


def test_the_tolerance_rejects_a_wrong_digit() -> None:
    expected = expected_coefficients("tanh")
    expected[29] *= 1 + 3e-12
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(as_activation("tanh").coefficients(DEGREE), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize("degree", [0, 1, 2, 9, 40])
def test_coefficients_do_not_depend_on_how_many_are_asked_for(name: str, degree: int) -> None:
    c = as_activation(name).coefficients(degree)
    assert c.shape == (degree + 1,)
    shared = min(degree, DEGREE) + 1
    np.testing.assert_allclose(c[:shared], as_activation(name).coefficients(DEGREE)[:shared], rtol=1e-12)


def test_cached_coefficients_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        as_activation("tanh").coefficients(3)[1] = 0.0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_agree_with_the_coefficients(name: str) -> None:
    activation = as_activation(name)
    if activation.kinks:
        slope = 0.01 if name == "leaky_relu" else 0.0
        moment = (1 + slope**2) / 2 - ((1 - slope) / sqrt(2 * pi)) ** 2
        steep = (1 + slope**2) / 2
    else:
        # The trapezoid rule, whose error exp(-2 pi strip / step) is below 1e-60 for all of them.
        z = np.arange(-14, 14, 1 / 16)
        weights = np.exp(-(z**2) / 2) / (16 * sqrt(2 * pi))
        moment = float(weights @ activation(z) ** 2)
        steep = float(weights @ activation.derivative(z) ** 2)
    linear = CLOSED[name](1) ** 2
    assert activation.second_moment == pytest.approx(moment, rel=1e-12)
    assert activation.linear_strength == pytest.approx(linear, rel=1e-12)
    assert activation.residual_strength == pytest.approx(moment - linear, rel=1e-10, abs=1e-14)
    assert activation.derivative_variance == pytest.approx(steep - linear, rel=1e-10, abs=1e-14)


def test_a_linear_activation_has_no_residual_and_an_even_one_no_linear_part() -> None:
    assert as_activation("identity").residual_strength == 0.0
    assert as_activation("h1").residual_strength == 0.0
    assert as_activation("h2").linear_strength == 0.0
    assert as_activation("cos").linear_strength == 0.0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_against_central_differences(name: str) -> None:
    activation = as_activation(name)
    x, h = np.linspace(-2.55, 2.45, 11), 1e-5
    difference = (activation(x + h) - activation(x - h)) / (2 * h)
    size = 1 + np.max(np.abs(difference))
    # Truncation h^2 f'''/6 and rounding eps f/h are both below 1e-7 of the size for degrees up to 12.
    assert np.max(np.abs(activation.derivative(x) - difference)) < 1e-6 * size


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_on_every_array_namespace(name: str, dtype: str, xp: Any) -> None:
    activation = as_activation(name)
    points = np.linspace(-2, 2, 12)
    x = xp.asarray(points, dtype=getattr(xp, dtype))
    for value, expected in (
        (activation.apply(x, xp), activation(points)),
        (activation.apply_derivative(x, xp), activation.derivative(points)),
    ):
        assert value.dtype == x.dtype
        # A polynomial of degree 12 loses a few hundred units in the last place to cancellation.
        allowed = 1000 * np.finfo(dtype).eps * (1 + np.max(np.abs(expected)))
        assert np.max(np.abs(np.asarray(value, dtype=float) - expected)) < allowed


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_numbers_are_arrays_too(name: str) -> None:
    activation = as_activation(name)
    assert float(activation(0.3)) == pytest.approx(float(activation(np.array([0.3]))[0]), rel=1e-14)
    assert np.shape(activation(0.3)) == np.shape(activation.derivative(0.3)) == ()
    assert np.shape(activation(np.zeros((2, 3)))) == (2, 3)


def test_centring_subtracts_the_mean_and_nothing_else() -> None:
    centred, bare = as_activation("relu"), as_activation("relu", centred=False)
    x = np.array([-1.0, 0.0, 2.0])
    assert centred.mean == pytest.approx(1 / sqrt(2 * pi), rel=1e-14)
    assert bare.mean == 0.0
    np.testing.assert_array_equal(bare(x), [0, 0, 2])
    np.testing.assert_array_equal(centred(x), bare(x) - centred.mean)
    np.testing.assert_array_equal(centred.derivative(x), bare.derivative(x))
    assert as_activation("tanh").mean == 0.0


@pytest.mark.parametrize("name", [*ACTIVATIONS, *(f"uncentred {n}" for n in ACTIVATIONS)])
def test_the_label_makes_the_same_activation_again(name: str) -> None:
    activation = as_activation(name)
    assert activation.label == name
    assert as_activation(activation.label) == activation
    assert activation.is_named
    again = pickle.loads(pickle.dumps(activation))
    assert again == activation
    assert hash(again) == hash(activation)


def test_names_are_read_generously_but_written_one_way() -> None:
    assert as_activation(" ReLU ") == as_activation("relu")
    assert as_activation("Uncentred  relu").label == "uncentred relu"
    assert as_activation("relu") != as_activation("uncentred relu")
    assert as_activation(as_activation("relu"), centred=False) == as_activation("uncentred relu")
    assert as_activation(as_activation("uncentred relu")).centred is False


def test_a_formula_under_a_known_name_is_not_that_activation() -> None:
    impostor = Activation("relu", Formula(lambda x, xp: xp.tanh(x), lambda x, xp: 1 - xp.tanh(x) ** 2))
    assert impostor != as_activation("relu")
    assert not impostor.is_named
    assert impostor.coefficients(1)[1] == pytest.approx(STORED["tanh"][1], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("rleu", "relu"), ("tahn", "tanh"), ("geluu", "gelu"), ("h13", "h[0-9]+"), ("soft_plus", "softplus")],
)
def test_an_unknown_name_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ArgumentError, match=f"activation = '{name}': did you mean '{nearest}'") as caught:
        as_activation(name)
    assert "known: identity, relu" in str(caught.value)


@pytest.mark.parametrize("options", [{"kinks": (1.0,)}, {"derivative": np.cos}])
@pytest.mark.parametrize("activation", ["tanh", as_activation("tanh")])
def test_options_that_would_be_ignored_are_refused(activation: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"{next(iter(options))} = .*only for a callable"):
        as_activation(activation, **options)


def test_a_name_that_says_uncentred_cannot_be_centred() -> None:
    with pytest.raises(ArgumentError, match="centred = True"):
        as_activation("uncentred relu", centred=True)


def test_bounded_derivatives_are_said_of_the_right_ones() -> None:
    unbounded = {name for name in ACTIVATIONS if not as_activation(name).bounded_derivatives}
    assert unbounded == {"relu", "leaky_relu", *(f"h{k}" for k in range(2, 13))}


@pytest.mark.parametrize("name", ["relu", "gelu", "h3", "tanh", "identity"])
@pytest.mark.parametrize("shape", [(3,), (300, 250), (0, 4)])
@pytest.mark.parametrize("in_place", [False, True])
def test_apply_into_writes_what_apply_gives(name: str, shape: tuple[int, ...], in_place: bool) -> None:
    activation = as_activation(name)
    x = np.random.default_rng(0).standard_normal(shape)
    expected = activation.apply(x, np)
    out = x if in_place else np.empty_like(x)
    assert activation.apply_into(x, out) is out
    # SIMD remainders may round differently where a block ends.
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-15)


def test_apply_into_keeps_single_precision() -> None:
    x = np.random.default_rng(0).standard_normal(70_000).astype(np.float32)
    out = as_activation("relu").apply_into(x, np.empty_like(x))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, as_activation("relu").apply(x, np))


@pytest.mark.parametrize("out", [np.empty((4, 3)), np.empty((4, 3)).T, np.empty((3, 8))[:, ::2]])
def test_apply_into_refuses_what_it_would_not_write(out: Array) -> None:
    with pytest.raises(ArgumentError, match="C-contiguous"):
        as_activation("relu").apply_into(np.zeros((3, 4)), out)
