"""What all commands share: help, version, exit codes, and one-line refusals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cli.command import SMALL, refusal, run
from polyspike import (
    ArgumentError,
    DoesNotFitError,
    MissingPackageError,
    NumericalError,
    Status,
    UnreadableError,
    __version__,
)
from polyspike.cli import main
from polyspike.cli.app import COMMANDS, EXIT_CODES, exit_code

TAKE_A_PROBLEM = ("predict", "simulate", "spectrum")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_by_example(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"polyspike {name}" in " ".join(done.output.split()).split("Example", 1)[1]
    assert "--json" in done.output


def test_the_main_help_lists_commands_and_exit_codes() -> None:
    done = run("--help")
    text = " ".join(done.output.split())
    assert done.exit_code == 0
    assert all(name in text for name in COMMANDS)
    assert all(f"{code} {meaning}" in text for code, meaning in EXIT_CODES.items())


def test_h_is_help() -> None:
    for command in ((), ("predict",)):
        assert run(*command, "-h").output == run(*command, "--help").output


def test_version() -> None:
    done = run("--version")
    assert (done.exit_code, done.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ArgumentError("ridge", -1, "give a number >= 0"), 2),
        (NumericalError(Status.NOT_CONVERGED, "no"), 3),
        (DoesNotFitError("problem", "big", "reduce it"), 4),
        (UnreadableError("nothing there"), 4),
        (MissingPackageError("device", "cuda", "torch", "torch"), 4),
        (MemoryError("no room"), 4),
        (OSError(28, "No space left on device"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes_mean_something(error: BaseException, code: int) -> None:
    assert exit_code(error) == code
    assert code in EXIT_CODES


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("predict", "--nonsense"), ("predict", "--ridge", "much")])
def test_what_is_not_understood_is_bad_input(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


BAD: list[tuple[tuple[Any, ...], str]] = [
    (("--n-samples", 1), "--n-samples = 1: give an integer >= 2"),
    (("--width", 0), "--width = 0: give an integer >= 2"),
    (("--ridge", -1), "--ridge = -1.0: give a number >= 0"),
    (("--noise", -0.1), "--noise = -0.1: give a number >= 0"),
    (("--ridge", "nan"), "--ridge = nan: give a finite number"),
    (("--noise", "inf"), "--noise = inf: give a finite number"),
    (
        ("--step-exponent", 0.7),
        "[0, 1/2]; for other step sizes give --step-size",
    ),
    (("--step-exponent", 0.2, "--step-size", 1), "--step-exponent, --step-size = (0.2, 1.0): both given"),
    (("--activation", "rleu"), "--activation = 'rleu': did you mean 'relu'?"),
    (("--teacher", "h1 +"), "--teacher = 'h1 +': cannot be parsed"),
    (("--teacher", "__import__('os')"), "--teacher = "),
    (("--gradient", "ful"), "--gradient = 'ful': did you mean 'full'?"),
    (("--readout", "gausian"), "--readout = 'gausian': did you mean 'gaussian'?"),
]


@pytest.mark.parametrize("command", TAKE_A_PROBLEM)
@pytest.mark.parametrize(("options", "message"), BAD)
def test_a_bad_problem_is_refused_before_any_work(command: str, options: tuple[Any, ...], message: str) -> None:
    code, said = refusal(command, *options)
    assert code == 2
    assert said.startswith("error: ")
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("simulate", "--no-streaming", "--n-samples", 10**9), "would fit"),
        (("simulate", "--n-samples", 10**7, "--width", 10**7), "reduce width and --input-dim"),
        (("spectrum", "--n-samples", 10**7, "--width", 10**7), "reduce width and --input-dim"),
    ],
)
def test_a_problem_that_does_not_fit_says_what_would(arguments: tuple[Any, ...], remedy: str) -> None:
    code, said = refusal(*arguments)
    assert code == 4
    assert "are available" in said
    assert remedy in said


@pytest.mark.parametrize("command", TAKE_A_PROBLEM)
def test_a_problem_from_a_file_with_an_option_on_top(command: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('activation = "relu"\nn_samples = 400\ninput_dim = 40\nwidth = 80\nstep_exponent = 0.3\n')
    done = run(command, "--problem", path, "--ridge", 0.125, "--json")
    assert done.exit_code == 0, done.output
    assert "ridge=0.125" in done.stdout
    assert "step_exponent=0.3" in done.stdout


@pytest.mark.parametrize("command", TAKE_A_PROBLEM)
def test_a_file_that_is_not_there(command: str, tmp_path: Path) -> None:
    code, said = refusal(command, "--problem", tmp_path / "none.toml")
    assert code == 4
    assert "none.toml" in said


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("Unable to allocate 8 TiB"), "error: the memory is full (Unable to allocate 8 TiB); give smaller"),
        (OSError(28, "No space left on device"), "error: the output cannot be written (No space left on device)"),
        (OSError(28, "No space left on device", "f.csv"), "error: 'f.csv' cannot be read or written (No space left"),
    ],
)
def test_what_the_machine_lacks_is_one_line(
    error: BaseException, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("polyspike.theory.predict", failing)
    code, said = refusal("predict", *SMALL)
    assert code == 4
    assert said.startswith(message)
    assert "\n" not in said


@pytest.mark.parametrize("device", ["cuda", "torch:cpu", "jax:cpu", "array_api_strict"])
def test_a_missing_package_is_exit_4_everywhere(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyspike.simulation.devices.find_spec", lambda _: None)
    code, said = refusal("simulate", *SMALL, "--device", device)
    assert code == 4
    assert said.startswith(f"error: --device = '{device}': ")
    assert "pip install" in said


def test_an_interrupt_is_told_by_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("polyspike.theory.predict", interrupted)
    assert run("predict", *SMALL).exit_code == 130


def test_the_installed_command_and_the_module_are_the_same_and_need_no_terminal() -> None:
    module = [sys.executable, "-m", "polyspike", "activation", "h2", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(module, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == run("activation", "h2", "--json").stdout


@pytest.fixture
def interrupts() -> Iterator[None]:
    """What is done with SIGINT is as before afterwards."""
    former = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, former)


def test_ctrl_c_while_the_commands_are_loaded_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], interrupts: None
) -> None:
    def interrupted(_: str) -> Any:
        raise KeyboardInterrupt

    loading = ModuleType("polyspike.cli.app")
    monkeypatch.setattr(loading, "__getattr__", interrupted, raising=False)
    monkeypatch.setitem(sys.modules, "polyspike.cli.app", loading)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL  # another one ends it at once


@pytest.mark.parametrize(("code", "heard"), [(130, False), (2, True)])
def test_an_interrupted_command_is_ended_at_once_by_the_next(
    monkeypatch: pytest.MonkeyPatch, code: int, heard: bool, interrupts: None
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ending = ModuleType("polyspike.cli.app")
    monkeypatch.setattr(ending, "app", lambda **_: sys.exit(code), raising=False)
    monkeypatch.setitem(sys.modules, "polyspike.cli.app", ending)
    with pytest.raises(SystemExit):
        main()
    assert (signal.getsignal(signal.SIGINT) == signal.default_int_handler) == heard
