"""The ways in which polyspike refuses, each with what to do about it."""

from typing import Any

from polyspike.status import Status

__all__ = [
    "ArgumentError",
    "DoesNotFitError",
    "MissingPackageError",
    "NumericalError",
    "PolyspikeError",
    "UnreadableError",
]


class PolyspikeError(Exception):
    """Base class of every error that polyspike raises on purpose."""


class ArgumentError(PolyspikeError, ValueError):
    """Bad input, found before any work started.

    Parameters
    ----------
    argument : str
        Name of the offending argument, as the user wrote it.
    value : object
        The value that was given; its ``repr`` is shown, shortened.
    remedy : str
        What to give instead.
    """

    def __init__(self, argument: str, value: Any, remedy: str) -> None:
        self.argument = argument
        self.value = value
        self.remedy = remedy
        super().__init__(f"{argument} = {_short(value)}: {remedy}")

    def __reduce__(self) -> tuple[type, tuple[str, Any, str]]:
        return type(self), (self.argument, self.value, self.remedy)


class DoesNotFitError(ArgumentError):
    """The arrays of a problem would not fit in memory; says how much is needed and what would fit."""


class UnreadableError(PolyspikeError, OSError):
    """A file that exists but is not what it should be, or a place that cannot be written."""


class MissingPackageError(PolyspikeError, ImportError):
    """A package that is not installed and that this one thing needs; says how to install it.

    Parameters
    ----------
    argument : str
        Name of the argument that asks for it, as the user wrote it.
    value : object
        The value that was given.
    package : str
        The package that is missing.
    extra : str, optional
        The extra of polyspike that brings it; without one, the package is installed by its own name.
    instead : str
        What can be done without it.
    """

    def __init__(self, argument: str, value: Any, package: str, extra: str | None = None, instead: str = "") -> None:
        self.argument = argument
        self.value = value
        self.package = package
        self.extra = extra
        self.instead = instead
        by_name = f"pip install '{package if extra is None else f'polyspike[{extra}]'}'"
        how = by_name if extra is None else f"in a clone pip install '.[{extra}]', elsewhere {by_name}"
        rest = f"; or {instead}" if instead else ""
        super().__init__(f"{argument} = {_short(value)}: {package} is not installed; {how}{rest}", name=package)

    def __reduce__(self) -> tuple[type, tuple[str, Any, str, str | None, str]]:
        return type(self), (self.argument, self.value, self.package, self.extra, self.instead)


class NumericalError(PolyspikeError, ArithmeticError):
    """A computation that did not reach its stated accuracy.

    Parameters
    ----------
    status : Status
        What went wrong; ``status.advice`` says what to do.
    message : str
        The particulars: residual, iterations, where.
    partial : object, optional
        Whatever was computed before the failure.
    """

    def __init__(self, status: Status, message: str, partial: Any = None) -> None:
        self.status = status
        self.message = message
        self.partial = partial
        super().__init__(f"{message} [{status.value}] {status.advice}")

    def __reduce__(self) -> tuple[type, tuple[Status, str, Any]]:
        return type(self), (self.status, self.message, self.partial)


def _short(value: Any, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
