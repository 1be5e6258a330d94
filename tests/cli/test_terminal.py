"""Terminals, pipes, disks and environments that are not as one wishes: an exit code and one line, no traceback."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from cli.process import SMALL, environment, polyspike
from polyspike.cli.terminal import spell

ASCII = environment(LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")


def test_an_ascii_terminal_gets_ascii(tmp_path: Path) -> None:
    done = polyspike("simulate", *SMALL, "--replicates", 2, env=ASCII)
    assert (done.returncode, done.stderr) == (0, "")
    assert "+/-" in done.stdout
    assert done.stdout.isascii()
    for arguments in (("--help",), ("sweep", "--help"), ("activation", "relu"), ("predict", *SMALL)):
        done = polyspike(*arguments, env=ASCII)
        assert (done.returncode, done.stdout.isascii(), done.stderr) == (0, True, "")


def test_other_terminals_get_the_sign_itself() -> None:
    done = polyspike("simulate", *SMALL, "--replicates", 2, env=environment(PYTHONIOENCODING="utf-8"))
    assert "±" in done.stdout


def test_a_refusal_quotes_what_an_ascii_terminal_cannot_show() -> None:
    done = polyspike("predict", "--activation", "é±", env=environment(PYTHONIOENCODING="ascii"))
    assert done.returncode == 2
    assert done.stderr.startswith(r"error: --activation = '\xe9+/-'")


def test_only_encoding_is_spelt_out() -> None:
    with pytest.raises(UnicodeDecodeError):
        spell(UnicodeDecodeError("ascii", b"\xff", 0, 1, "no"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize(
    "arguments", [("predict", *SMALL), ("predict", *SMALL, "--json"), ("--help",), ("sweep", "--help"), ("--version",)]
)
def test_a_full_output_is_no_success(arguments: tuple[object, ...]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = polyspike(*arguments, stdout=full)
    assert done.returncode == 4
    assert done.stderr.startswith("error: the output cannot be written")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("predict", *SMALL, "--json"), ("--help",)])
def test_a_reader_that_has_seen_enough_is_no_failure(arguments: tuple[object, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = polyspike(*arguments, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("backend", ["nonsense", "qtagg", "module://nowhere"])
def test_a_backend_that_was_inherited_is_not_asked_for(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "spectrum.png"
    done = polyspike("spectrum", *SMALL, "--figure", path, env=environment(MPLBACKEND=backend))
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().startswith(b"\x89PNG")


def _only_small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits on files")
@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("phase", *SMALL, "--rows", 2, "--columns", 3, "--no-spikes", "--out", "OUT"), "--out"),
        (("spectrum", *SMALL, "--figure", "OUT/s.png"), "--figure"),
    ],
)
def test_a_disk_that_fills_up_leaves_no_half_file(arguments: tuple[object, ...], option: str, tmp_path: Path) -> None:
    """A limit on the size of a file stands for the full disk: the same error of the same call."""
    where = [str(a).replace("OUT", str(tmp_path)) for a in arguments]
    done = polyspike(*where, preexec_fn=_only_small_files)
    assert done.returncode == 4, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {option} = '{tmp_path}")
    assert "cannot be written" in done.stderr
    assert not list(tmp_path.rglob("*.png"))
    assert not list(tmp_path.rglob(".*"))


def test_the_shell_completes_commands_options_and_values() -> None:
    def completed(words: str) -> list[str]:
        changes = {"_POLYSPIKE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return polyspike(env=environment(**changes)).stdout.split()

    assert completed("polyspike simu") == ["simulate"]
    assert "--n-samples" in completed("polyspike predict --n-")
    assert completed("polyspike predict --activation t") == ["tanh"]
    assert completed("polyspike predict --readout g") == ["gaussian"]
    assert set(completed("polyspike predict --method win")) == {"window", "window-published"}
    assert completed("polyspike reproduce --only r") == ["realdata", "reuse"]


def test_completion_can_be_shown_and_installed() -> None:
    text = polyspike("--help").stdout
    assert "--install-completion" in text
    assert "--show-completion" in text
    shown = subprocess.run(
        [sys.executable, "-m", "polyspike", "--show-completion", "bash"],
        env=environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"),
        capture_output=True,
        text=True,
    )
    assert "_POLYSPIKE_COMPLETE=complete_bash" in shown.stdout
