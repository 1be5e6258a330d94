"""Errors name the argument, its value and the remedy, and travel between processes."""

import pickle

import numpy as np
import pytest

from polyspike.errors import (
    ArgumentError,
    DoesNotFitError,
    MissingPackageError,
    NumericalError,
    PolyspikeError,
    UnreadableError,
)
from polyspike.status import Status


def test_an_argument_error_names_argument_value_and_remedy() -> None:
    error = ArgumentError("ridge", -1.0, "give a number >= 0")
    assert str(error) == "ridge = -1.0: give a number >= 0"
    assert (error.argument, error.value, error.remedy) == ("ridge", -1.0, "give a number >= 0")
    assert isinstance(error, ValueError)


def test_a_long_value_is_shortened_and_a_short_one_is_not() -> None:
    assert "..." not in str(ArgumentError("x", "a" * 100, "shorter"))
    text = str(ArgumentError("x", "a" * 1000, "shorter"))
    assert "..." in text
    assert len(text) < 150
    assert text.endswith(": shorter")


@pytest.mark.parametrize("kind", [ArgumentError, DoesNotFitError])
def test_an_argument_error_survives_pickling(kind: type[ArgumentError]) -> None:
    error = pickle.loads(pickle.dumps(kind("width", 10**9, "needs 8 GB; give a width <= 1000")))
    assert type(error) is kind
    assert (error.argument, error.value) == ("width", 10**9)
    assert "give a width <= 1000" in str(error)


def test_a_missing_package_is_installed_from_the_clone_or_by_name() -> None:
    error = MissingPackageError("device", "cuda", "torch", "torch", "use device 'cpu'")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "device = 'cuda': torch is not installed; in a clone pip install '.[torch]', "
        "elsewhere pip install 'polyspike[torch]'; or use device 'cpu'"
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(MissingPackageError("device", "jax:cpu", "jax")).endswith("pip install 'jax'")


def test_a_numerical_error_gives_advice_and_carries_what_was_computed() -> None:
    partial = np.arange(3.0)
    error = NumericalError(Status.NOT_CONVERGED, "residual 0.1 after 50 iterations", partial=partial)
    assert "residual 0.1 after 50 iterations" in str(error)
    assert Status.NOT_CONVERGED.advice in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert again.status is Status.NOT_CONVERGED
    assert again.message == error.message
    np.testing.assert_array_equal(again.partial, partial)


def test_every_failure_has_its_own_advice() -> None:
    failures = [status for status in Status if not status.ok]
    assert [s for s in Status if s.ok] == [Status.OK]
    assert len({s.advice for s in failures}) == len(failures)
    assert all(s.advice.endswith(".") for s in failures)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (ArgumentError, ValueError),
        (DoesNotFitError, ValueError),
        (UnreadableError, OSError),
        (NumericalError, ArithmeticError),
    ],
)
def test_one_base_class_and_the_builtin_one_expects(kind: type, builtin: type) -> None:
    assert issubclass(kind, PolyspikeError)
    assert issubclass(kind, builtin)
