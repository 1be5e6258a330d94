"""The command line as a test calls it: in this process, with exit code and output."""

import json
from typing import Any

from typer.testing import CliRunner

from polyspike.cli.app import app

__all__ = ["SMALL", "refusal", "run", "run_json"]

SMALL = ("--n-samples", 400, "--input-dim", 40, "--width", 80)
"""Options of a problem that takes milliseconds."""


def run(*arguments: Any) -> Any:
    """The result of ``polyspike ARGUMENTS``."""
    return CliRunner().invoke(app, list(map(str, arguments)), terminal_width=100)


def run_json(*arguments: Any) -> dict[str, Any]:
    """What the command prints with --json; nothing but that object may stand on standard output."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout, parse_constant=_not_json)
    return found


def refusal(*arguments: Any) -> tuple[int, str]:
    """Exit code and message of a command that is refused: one line, no traceback, nothing on standard output."""
    done = run(*arguments)
    assert "Traceback" not in done.output
    assert not done.stdout
    return done.exit_code, done.stderr.strip()


def _not_json(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")
